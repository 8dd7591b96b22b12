"""Whatever is imported, paused, killed, retried and re-rolled: each key once, and no call unrecorded."""

import asyncio
import io
import json
import random
import zipfile
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row, select

from models.campaigns.actions import RetryMode
from models.campaigns.export_options import ExportFormat, ExportOptions
from models.campaigns.repair import Reroll, Retry
from models.campaigns.status import PAUSABLE, CampaignStatus, PauseReason
from models.queries.campaigns import campaigns, exports
from models.queries.leases import leased_to
from models.tables import attempts, jobs
from tests.support.darkroom import Darkroom, OneWorker
from tests.worker.campaigns.conftest import Planned, plan
from tests.worker.campaigns.repairs import begin, runner
from worker.exports.build import INDEX, objects_of
from worker.exports.exporter import Exporter
from worker.exports.segments import read_content
from worker.maintenance.reaper import reclaim

REPAIRS = (Retry(RetryMode.MISSING_AND_FAILED), Retry(RetryMode.ALL), Reroll(seed="new"))
FAULTS = ({}, {}, {"fail": "500"}, {"fail": "moderation"}, {"fail": "cut"})


async def import_some(planned: Planned, chance: random.Random) -> None:
    """Import a part of six rows, some of which have other values than before."""
    keys = chance.sample([f"k{number}" for number in range(6)], k=chance.randint(1, 6))
    await planned.load({key: f"{chance.choice(['red', 'blue'])} {key}" for key in sorted(keys)})
    if await planned.status() == CampaignStatus.FINISHED:
        await planned.change(CampaignStatus.RUNNING, {"finished_at": None})


async def pause_or_resume(planned: Planned) -> None:
    status = CampaignStatus(await planned.status())
    if status is CampaignStatus.PAUSED:
        await planned.resume()
    elif status in PAUSABLE:
        await planned.pause(PauseReason.MANUAL)


async def repair(planned: Planned, chance: random.Random) -> None:
    """Begin a retry or a re-roll of all items that permit one."""
    async with planned.darkroom.services.database.writing() as connection:
        campaign = await campaigns.get(connection, planned.id, lock=True)
        if campaign is not None and campaign.status == CampaignStatus.FINISHED:
            changes: dict[str, Any] = {"finished_at": None}
            await campaigns.change_status(
                connection, campaign, CampaignStatus.RUNNING, at=planned.darkroom.clock(), changes=changes
            )
    if await planned.items():
        await begin(planned, chance.choice(REPAIRS))


async def work(planned: Planned, worker: OneWorker, chance: random.Random, *, may_die: bool = True) -> None:
    """Run one round of all loops; sometimes the worker is killed during its calls, and reaped."""
    darkroom = planned.darkroom
    await planned.controller.run_round()
    await runner(planned).run_round()
    await worker.dispatcher.run_round()
    calls = asyncio.create_task(worker.deliver())
    if may_die and chance.random() < 0.4:
        await asyncio.sleep(chance.random() * 0.05)
        calls.cancel()
        await asyncio.gather(calls, return_exceptions=True)
        worker.messages.clear()
        await worker.context.group_commit.stop()  # a killed process writes nothing after its jobs were read
        worker.context.group_commit.start()
        async with darkroom.services.database.writing() as connection:
            left = await leased_to(connection, worker.context.worker_id)
            policies = darkroom.services.policies
            await reclaim(connection, left, worker.context.worker_id, policies, darkroom.clock())
        worker.context.in_flight.jobs.clear()
    await calls if not calls.done() else None
    darkroom.clock.forward(minutes=3)


async def manifest(planned: Planned) -> list[dict[str, Any]]:
    """Export the campaign, and return the lines of the manifest."""
    services, at = planned.darkroom.services, planned.darkroom.clock()
    async with services.database.writing() as connection:
        options = ExportOptions(format=ExportFormat.ZIP)
        key = await exports.insert_export(connection, planned.id, planned.caller, options, at)
    await Exporter(services, asyncio.Event()).run_round()
    async with services.database.reading() as connection:
        made = await exports.get_export(connection, key)
    assert made is not None
    assert made.status == "ready", made.error
    index = f"{objects_of(made.id)}{made.build.hex}/{INDEX}"
    content = b"".join([each async for each in read_content(services.store, index, 0, made.bytes)])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16))
async def test_each_key_is_in_the_manifest_once_and_each_call_is_an_attempt(
    darkroom: Darkroom, seed: int
) -> None:
    chance = random.Random(seed)
    darkroom.provider.call_log.reset()
    name = f"c{seed}-{darkroom.clock().timestamp()}"
    planned = await plan(
        darkroom,
        {},
        name=name,
        template={
            "prompt": "a {colour} cat",
            "params": {"seed": 1, "practice": chance.choice(FAULTS)},
        },
        defaults={"on_unknown": chance.choice(["retry", "fail", "hold"]), "max_attempts": 3},
        failing={"enabled": False},
    )
    worker = await darkroom.worker()
    await import_some(planned, chance)
    await planned.start()
    for _ in range(8):
        step = chance.choice([import_some, repair, None, None])
        if step is not None:
            await step(planned, chance)
        if chance.random() < 0.3:
            await pause_or_resume(planned)
        await work(planned, worker, chance)
    if await planned.status() == CampaignStatus.PAUSED:
        await planned.resume()
    items = await end_all(planned, worker, chance)
    assert {item.state for item in items} <= {"made", "failed", "held", "skipped"}
    lines = await manifest(planned)
    assert Counter(line["key"] for line in lines) == Counter(item.key for item in items)
    assert len({item.key for item in items}) == len(items) == (await planned.read()).row_count
    await check_calls(planned)


async def end_all(planned: Planned, worker: OneWorker, chance: random.Random) -> list[Row[Any]]:
    """Let workers go on until all items have ended; return these."""
    items: list[Row[Any]] = []
    for _ in range(60):  # a channel whose calls fail is left alone for a while
        await work(planned, worker, chance, may_die=False)
        items = [item for item in await planned.items() if item.campaign_id == planned.id]
        if items and not {item.state for item in items} & {"waiting", "running"}:
            break
    return items


async def check_calls(planned: Planned) -> None:
    """Each call of the provider is an attempt; one without a call was lost with its worker before it left."""
    query = select(jobs.c.prompt, attempts.c.outcome).join(jobs, jobs.c.id == attempts.c.job_id)
    query = query.where(jobs.c.campaign == planned.spec.name)
    async with planned.darkroom.services.database.reading() as connection:
        recorded = (await connection.execute(query)).all()
    called = Counter(call.prompt for call in planned.darkroom.provider.call_log.calls)
    for prompt, attempted in Counter(row.prompt for row in recorded).items():
        unknown = sum(row.prompt == prompt and row.outcome == "ambiguous" for row in recorded)
        assert attempted - unknown <= called[prompt] <= attempted
    assert called.keys() <= {row.prompt for row in recorded}
