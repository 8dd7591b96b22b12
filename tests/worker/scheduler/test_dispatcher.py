"""Rounds of the dispatcher: what does not wait for a channel must not stand in the way of what does."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event, insert, select, update

from models.api_keys import Role
from models.clock import DatabaseClock, now
from models.ids import new_id
from models.queries.api_keys import insert_key, revoke_keys
from models.queries.callers import QueueRoom, lock_queue_room
from models.queries.campaigns.campaigns import adopt_plain
from models.queries.database_time import set_clock
from models.queries.midjourney.tasks import count_waiting
from models.tables import callers, campaigns, channels, jobs
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.databases import PostgresCopies


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}, upstream_concurrency=1) as opened:
        yield opened


@pytest.fixture
async def roomy(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}, upstream_concurrency=200) as opened:
        yield opened


async def test_callers_whose_jobs_are_not_due_do_not_stand_in_the_way_of_others(darkroom: Darkroom) -> None:
    later = darkroom.clock() + timedelta(hours=1)
    for _ in range(5):
        await darkroom.submit(await darkroom.caller(), not_before=later)
    due = await darkroom.submit(await darkroom.caller())
    worker = await darkroom.worker()
    for _ in range(8):
        await worker.dispatcher.run_round()
    assert (await darkroom.job(due)).status == "leased"


@pytest.mark.parametrize(("enabled", "status"), [(False, "queued"), (True, "leased")])
async def test_a_worker_leases_no_job_of_a_channel_that_its_own_settings_disable(
    plain_database_url: str, tmp_path: Path, enabled: bool, status: str
) -> None:
    given = {"name": "one", "base_url": "http://127.0.0.1:9", "api_key": "k", "models": ["*"]}
    settings = {"channels": [{**given, "enabled": enabled}], "upstream_base_url": None}
    async with open_darkroom(plain_database_url, tmp_path, practice={}, **settings) as darkroom:
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(configured=True))  # another worker knows it
        job_id = await darkroom.submit(await darkroom.caller())
        worker = await darkroom.worker()
        await worker.dispatcher.run_round()
        assert (await darkroom.job(job_id)).status == status


@pytest.mark.parametrize(("configured", "taken"), [(True, False), (False, True)])
async def test_an_answer_of_a_channel_that_only_others_know_is_left_to_them_while_they_live(
    darkroom: Darkroom, configured: bool, taken: bool
) -> None:
    async with darkroom.services.database.writing() as connection:
        row = (await connection.execute(select(channels))).one()._asdict()
        other = {**row, "id": new_id(), "name": "other", "configured": configured}
        await connection.execute(insert(channels).values(**other))
    job_id = await darkroom.submit(
        await darkroom.caller(), status="storing", channel_id=other["id"], answer={"images": []}
    )
    worker = await darkroom.worker()
    await worker.dispatcher.run_round()
    assert (job_id in worker.context.in_flight.jobs) is taken


@pytest.mark.parametrize("line", ["campaign", "priority"])
async def test_lines_whose_jobs_are_not_due_do_not_stand_in_the_way_of_the_callers_others(
    darkroom: Darkroom, line: str
) -> None:
    caller, later = await darkroom.caller(), darkroom.clock() + timedelta(hours=1)
    for number in range(40):
        where = {"campaign": f"c{number:02}"} if line == "campaign" else {"priority": 100 - number}
        await darkroom.submit(caller, not_before=later, **where)
    due = await darkroom.submit(caller, **({"campaign": "d"} if line == "campaign" else {"priority": 1}))
    worker = await darkroom.worker()
    for _ in range(90):
        await worker.dispatcher.run_round()
    assert (await darkroom.job(due)).status == "leased"


@pytest.mark.parametrize("line", ["model", "priority"])
async def test_a_caller_with_many_lanes_waits_for_none_of_them_for_ever(
    darkroom: Darkroom, line: str
) -> None:
    """Whatever there is more of always has something due; the last one has waited for a day."""
    caller, channel = await darkroom.caller(), await darkroom.channel()
    for number in range(40):
        where = {"model": f"a{number:02}"} if line == "model" else {"priority": 100 - number}
        await darkroom.submit(caller, **where)
    since = darkroom.clock() - timedelta(days=3)
    last = await darkroom.submit(
        caller, not_before=since, **({"model": "z"} if line == "model" else {"priority": 1})
    )
    for _ in range(200):
        worker = await darkroom.worker(slots=1)
        await worker.dispatcher.run_round()
        if (await darkroom.job(last)).status == "leased":
            return
        async with darkroom.services.database.writing() as connection:  # the others are never used up
            free = {"status": "queued", "worker_id": None, "lease_token": None}
            await connection.execute(update(jobs).where(jobs.c.channel_id == channel.id).values(**free))
    pytest.fail("it never had its turn")


async def test_a_callers_calls_in_flight_hold_over_rounds_on_different_channels(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    """Another round, which holds another channel, ends just before this one takes the caller."""
    with postgres_copies.fresh() as url:
        async with open_darkroom(url, tmp_path, practice={}) as darkroom:
            caller = await darkroom.caller()
            jobs = [await darkroom.submit(caller) for _ in range(2)]
            async with darkroom.services.database.writing() as connection:
                await connection.execute(update(callers).values(concurrency=1))
            worker, channel = await darkroom.worker(), await darkroom.channel()

            @event.listens_for(darkroom.services.database.engine.sync_engine, "before_cursor_execute")
            def other_round(_: Any, __: Any, statement: str, *___: Any) -> None:
                if "FROM callers" in statement and "SKIP LOCKED" in statement:
                    with psycopg.connect(url) as other:
                        other.execute(
                            "UPDATE jobs SET status = 'leased', worker_id = %s, channel_id = %s,"
                            " lease_token = %s, leased_at = now(), start_at = now() WHERE id = %s",
                            (worker.context.worker_id, channel.id, channel.id, jobs[0]),
                        )

            await worker.dispatcher.run_round()
            assert (await darkroom.job(jobs[0])).status == "leased"
            assert (await darkroom.job(jobs[1])).status == "queued"


async def test_a_worker_that_was_frozen_in_the_middle_of_a_round_takes_nothing(darkroom: Darkroom) -> None:
    """Others may have given it up meanwhile: what it took would be taken back under its hands."""
    job = await darkroom.submit(await darkroom.caller())
    worker = await darkroom.worker()
    worker.context.in_flight.heartbeat_at = darkroom.clock()
    frozen: list[str] = []

    @event.listens_for(darkroom.services.database.engine.sync_engine, "before_cursor_execute")
    def freeze(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "FROM channels" in statement and not frozen:
            frozen.append(statement)
            darkroom.clock.forward(seconds=darkroom.services.settings.worker_timeout)

    await worker.dispatcher.run_round()
    assert frozen
    assert (await darkroom.job(job)).status == "queued"
    worker.context.in_flight.heartbeat_at = darkroom.clock()
    await worker.dispatcher.run_round()
    assert (await darkroom.job(job)).status == "leased"


@pytest.mark.parametrize("limits", [{"": {"rpd": 2}}, {"practice-image": {"rpd": 2}}], ids=["whole", "model"])
async def test_leases_that_were_handed_back_use_up_nothing_of_the_day(
    plain_database_url: str, tmp_path: Path, limits: dict[str, Any]
) -> None:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice, upstream_rpm=60) as darkroom:
        darkroom.clock.at = darkroom.clock().replace(hour=12)
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(limits=limits))
        worker, caller = await darkroom.worker(), await darkroom.caller()
        for _ in range(4):
            await darkroom.submit(caller)
        for _ in range(2):  # each is late for its turn
            await worker.dispatcher.run_round()
            darkroom.clock.forward(seconds=3)
            await worker.deliver()
        assert darkroom.provider.call_log.calls == []
        for _ in range(9):
            darkroom.clock.forward(seconds=3)
            await worker.run_round()
        assert len(darkroom.provider.call_log.calls) == 2


async def test_the_room_that_one_worker_keeps_is_known_to_the_others_although_nothing_starts(
    darkroom: Darkroom,
) -> None:
    now = darkroom.clock()
    used = [[int(now.timestamp() * 4) - 100, 6]]
    async with darkroom.services.database.writing() as connection:
        values = {"limits": {"": {"ipm": 10}}, "pace": {"ipm": used}, "concurrency": 9}
        await connection.execute(update(channels).values(**values))
    long_ago, many = now - timedelta(minutes=3), {"images": [], "params": {}, "n": 8}
    job = await darkroom.submit(await darkroom.caller(), request=many, not_before=long_ago)
    await (await darkroom.worker()).dispatcher.run_round()
    assert (await darkroom.channel()).pace["kept"][0] == job.hex
    darkroom.clock.forward(seconds=15)
    others = [await darkroom.submit(await darkroom.caller(), not_before=long_ago) for _ in range(4)]
    for _ in range(4):
        await (await darkroom.worker()).dispatcher.run_round()
        darkroom.clock.forward(seconds=4)
    leased = [key for key in others if (await darkroom.job(key)).status == "leased"]
    assert len(leased) == 2  # what it does not need


@pytest.mark.parametrize("plain_database_url", ["sqlite", "postgresql"], indirect=True)
async def test_the_caller_for_whom_room_is_kept_is_looked_at_however_many_others_come_before(
    darkroom: Darkroom,
) -> None:
    now = darkroom.clock()
    used = [[int(now.timestamp() * 4) - 100, 6]]
    async with darkroom.services.database.writing() as connection:
        values = {"limits": {"": {"ipm": 10}}, "pace": {"ipm": used}, "concurrency": 9}
        await connection.execute(update(channels).values(**values))
    long_ago, many = now - timedelta(minutes=3), {"images": [], "params": {}, "n": 8}
    last = await darkroom.caller()
    job = await darkroom.submit(last, request=many, not_before=long_ago)
    await (await darkroom.worker()).dispatcher.run_round()
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(callers).where(callers.c.id == last).values(turn=99))
    for _ in range(12):
        caller = await darkroom.caller()
        for _ in range(9):
            await darkroom.submit(caller)
    for _ in range(90):
        await (await darkroom.worker(slots=2)).dispatcher.run_round()
        darkroom.clock.forward(seconds=1)
    assert (await darkroom.job(job)).status == "leased"


@pytest.mark.parametrize("slots", [1, 3])
async def test_campaigns_are_served_in_turn_whatever_their_names(darkroom: Darkroom, slots: int) -> None:
    """The database picks them and the scheduler orders them: both by code points."""
    names = ("Zoo", "ape", "_bee", "bear", "Élan", "猫", "😀", "\ufffd")
    caller, served = await darkroom.caller(), Counter[str]()
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(channels).values(concurrency=9))
    for name in names * 6:
        await darkroom.submit(caller, campaign=name)
    while served.total() < 4 * len(names):
        worker = await darkroom.worker(slots=slots)
        await worker.dispatcher.run_round()
        for job_id in worker.messages[0][1]:
            served[(await darkroom.job(job_id)).campaign] += 1
        async with darkroom.services.database.writing() as connection:  # the calls have ended
            ended = {"status": "succeeded", "worker_id": None, "lease_token": None}
            await connection.execute(update(jobs).where(jobs.c.status == "leased").values(**ended))
    assert max(served.values()) - min(served[name] for name in names) <= 1, served


async def test_a_round_serves_a_caller_during_its_submits(darkroom: Darkroom) -> None:
    if darkroom.services.database.is_sqlite:
        return  # its writers take turns
    caller = await darkroom.caller()
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(callers).values(max_queued=5))
    job = await darkroom.submit(caller)
    async with darkroom.services.database.writing() as submit:
        assert await lock_queue_room(submit, caller) == QueueRoom(limit=5, queued=1)
        await count_waiting(submit, caller, most=9, lock=True)
        await (await darkroom.worker()).dispatcher.run_round()
        assert (await darkroom.job(job)).status == "leased"


async def test_jobs_of_a_caller_without_a_usable_key_wait_until_it_has_one(darkroom: Darkroom) -> None:
    keyless, other, worker = await darkroom.caller(), await darkroom.caller(), await darkroom.worker()
    waiting = await darkroom.submit(keyless)
    async with darkroom.services.database.writing() as connection:
        await revoke_keys(connection, [keyless], at=darkroom.clock())
    await worker.run_round()
    due = await darkroom.submit(other)
    await worker.run_round()
    assert [(await darkroom.job(job_id)).status for job_id in (waiting, due)] == ["queued", "succeeded"]
    assert not await darkroom.attempts(waiting)

    async with darkroom.services.database.writing() as connection:
        made: dict[str, Any] = {"name": "next", "key_hash": b"n" * 32, "key_hint": "", "role": Role.USER}
        await insert_key(connection, new_id(), caller_id=keyless, at=darkroom.clock(), **made)
    await worker.run_round()
    assert (await darkroom.job(waiting)).status == "succeeded"


async def test_workers_whose_machines_differ_by_a_minute_leave_a_minute_between_calls(
    plain_database_url: str, tmp_path: Path
) -> None:
    """Each worker corrects its machine's clock to the database's time, as at its start."""
    async with open_darkroom(plain_database_url, tmp_path, practice={}, upstream_rpm=1) as darkroom:
        caller = await darkroom.caller()
        due = darkroom.clock() - timedelta(hours=1)
        waiting = [await darkroom.submit(caller, not_before=due) for _ in range(4)]
        delays: dict[UUID, timedelta] = {}
        for skew in (-30, 40, -30, 40):
            ahead = timedelta(seconds=skew)
            clock = DatabaseClock(wall=lambda ahead=ahead: now() + ahead)  # type: ignore[misc]
            await set_clock(darkroom.services.database, clock)
            darkroom.services = replace(darkroom.services, clock=clock)
            await (await darkroom.worker()).dispatcher.run_round()
            for job in [await darkroom.job(each) for each in waiting]:
                if job.start_at:
                    delays.setdefault(job.id, job.start_at - clock())
        apart = [later - earlier for earlier, later in pairwise(sorted(delays.values()))]
        assert delays
        assert all(each > timedelta(seconds=58) for each in apart), apart


async def set_campaign(darkroom: Darkroom, caller: UUID, name: str, **values: Any) -> None:
    async with darkroom.services.database.writing() as connection:
        await adopt_plain(connection, caller, name, darkroom.clock())
        here = campaigns.c.caller_id == caller, campaigns.c.name == name
        await connection.execute(update(campaigns).where(*here).values(**values))


async def leased_campaigns(darkroom: Darkroom) -> Counter[str]:
    async with darkroom.services.database.reading() as connection:
        found = await connection.scalars(select(jobs.c.campaign).where(jobs.c.status == "leased"))
        return Counter(found)


@pytest.mark.parametrize("closed", ["campaign_paused", "opens_at", "closes_at"])
async def test_jobs_of_a_closed_campaign_wait_and_stand_in_nobodys_way(roomy: Darkroom, closed: str) -> None:
    caller, other = await roomy.caller(), await roomy.caller()
    for _ in range(30):
        await roomy.submit(caller, campaign="a", priority=9)
    for campaign in ("b", None):
        await roomy.submit(caller, campaign=campaign)
    await roomy.submit(other, campaign="a")
    now = roomy.clock()
    values = {"opens_at": now + timedelta(hours=1), "closes_at": now}
    value = {closed: values[closed]} if closed in values else {"closed": closed}
    await set_campaign(roomy, caller, "a", **value)
    worker = await roomy.worker()
    for _ in range(3):
        await worker.dispatcher.run_round()
    assert await leased_campaigns(roomy) == {"b": 1, None: 1, "a": 1}  # that of the other caller

    await set_campaign(roomy, caller, "a", closed=None, opens_at=None, closes_at=None)
    await worker.dispatcher.run_round()
    assert (await leased_campaigns(roomy))["a"] > 1


async def test_a_campaigns_concurrency_holds_over_rounds_and_leaves_room_to_others(roomy: Darkroom) -> None:
    caller = await roomy.caller()
    for campaign in ("a", "b"):
        for _ in range(6):
            await roomy.submit(caller, campaign=campaign)
    await set_campaign(roomy, caller, "a", concurrency=2)
    for _ in range(4):
        await (await roomy.worker(slots=3)).dispatcher.run_round()
    assert await leased_campaigns(roomy) == {"a": 2, "b": 6}


async def test_a_campaigns_rate_holds_exactly_over_workers(roomy: Darkroom) -> None:
    caller, began = await roomy.caller(), roomy.clock()
    for _ in range(40):
        await roomy.submit(caller, campaign="a")
    await set_campaign(roomy, caller, "a", rpm=60)
    for _ in range(20):
        await (await roomy.worker(slots=5)).dispatcher.run_round()
        roomy.clock.forward(seconds=0.5)
    async with roomy.services.database.reading() as connection:
        starts = sorted(await connection.scalars(select(jobs.c.start_at).where(jobs.c.status == "leased")))
    assert all(later - earlier >= timedelta(seconds=0.999) for earlier, later in pairwise(starts))
    assert 9 <= len(starts) <= 12, (began, starts)


@pytest.mark.parametrize("slots", [1, 8])
async def test_a_campaign_with_a_weight_gets_so_many_starts_for_one_of_the_others(
    roomy: Darkroom, slots: int
) -> None:
    caller = await roomy.caller()
    for campaign in ("a", "b", "c"):
        for _ in range(40):
            await roomy.submit(caller, campaign=campaign)
    await set_campaign(roomy, caller, "b", weight=3)
    for _ in range(10):  # the calls that a channel takes at first
        await (await roomy.worker(slots=slots)).dispatcher.run_round()
    assert await leased_campaigns(roomy) == {"a": 2, "b": 6, "c": 2}


async def test_a_job_whose_lease_cannot_be_written_does_not_keep_others_from_theirs(roomy: Darkroom) -> None:
    caller = await roomy.caller()
    await roomy.submit(caller, revision=2**31 - 1)  # the next is beyond PostgreSQL's integers
    whole = [await roomy.submit(caller) for _ in range(2)]
    worker = await roomy.worker()
    await worker.dispatcher.run_round()
    assert [(await roomy.job(each)).status for each in whole] == ["leased"] * 2
