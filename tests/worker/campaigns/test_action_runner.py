"""Bulk actions at work: each item gets each take once, also after kills and aborts between chunks."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.campaigns.actions import RetryMode
from models.campaigns.item_filter import ItemFilter
from models.campaigns.repair import Reroll, Retry
from models.campaigns.status import CampaignStatus
from models.states import JobStatus
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.conftest import Planned
from tests.worker.campaigns.repairs import abort, begin, end_takes, finished_campaign, read, runner
from worker.bulk.chunked_actions import CLAIM
from worker.campaigns import action_runner, next_takes

FAILED = Retry(RetryMode.MISSING_AND_FAILED)


async def test_a_retry_makes_one_linked_take_of_each_failed_item(darkroom: Darkroom) -> None:
    planned = await finished_campaign(darkroom, 5, failing=3)
    first = {take.item_id: take for take in await planned.takes()}
    action = await begin(planned, FAILED)
    await runner(planned).run_round()
    found = await read(planned, action)
    assert (found.status, found.eligible, found.done, found.failed) == ("finished", 3, 3, 0)
    second = [take for take in await planned.takes() if take.take == 2]
    assert len(second) == 3
    for take in second:
        before = first[take.item_id]
        assert (take.parent_job_id, take.take_reason, take.prompt) == (before.id, "retry", before.prompt)
    assert await planned.states() == {"waiting": 3, "made": 2}
    assert await planned.status() == "running"  # it was finished
    await planned.controller.run_round()
    assert await planned.status() == "running"
    await end_takes(planned, [take.id for take in second], JobStatus.SUCCEEDED)
    await planned.controller.run_round()
    assert (await planned.states(), await planned.status()) == ({"made": 5}, "finished")


async def test_a_reroll_has_the_prompt_seed_and_model_that_it_was_given(darkroom: Darkroom) -> None:
    planned = await finished_campaign(
        darkroom, 2, template={"prompt": "a {colour} cat", "params": {"seed": 7}}
    )
    await begin(planned, Reroll("{prompt} and {colour}", "new", "other"), ItemFilter(keys=["k001"]))
    await runner(planned).run_round()
    take = (await planned.takes())[-1]
    assert (take.prompt, take.model, take.take_reason) == ("a colour 1 cat and colour 1", "other", "edit")
    assert take.request["params"]["seed"] != 7
    assert [item.verdict for item in await planned.items()] == [None, None]


async def test_an_item_that_got_another_take_meanwhile_is_left(darkroom: Darkroom) -> None:
    planned = await finished_campaign(darkroom, 3, failing=3)
    first, second = await begin(planned, FAILED), await begin(planned, FAILED)
    await runner(planned).run_round()
    assert (await read(planned, first)).done == 3
    found = await read(planned, second)
    assert (found.status, found.done, found.failed) == ("finished", 0, 0)
    assert [(each["reason"], each["count"]) for each in found.skipped] == [("changed", 3)]
    assert len(await planned.takes()) == 6


async def test_an_action_of_a_cancelled_campaign_is_aborted(darkroom: Darkroom) -> None:
    planned = await finished_campaign(darkroom, 2, failing=2)
    action = await begin(planned, FAILED)
    await planned.change(CampaignStatus.RUNNING, {})
    await planned.change(CampaignStatus.CANCELLED, {})
    await runner(planned).run_round()
    found = await read(planned, action)
    assert (found.status, found.done, found.detail) == ("aborted", 0, "its campaign was cancelled")
    assert len(await planned.takes()) == 2


async def test_a_campaign_does_not_finish_while_an_action_runs(darkroom: Darkroom) -> None:
    planned = await finished_campaign(darkroom, 2, failing=2)
    action = await begin(planned, FAILED)
    await planned.change(CampaignStatus.RUNNING, {})
    await planned.controller.run_round()
    assert await planned.status() == "running"
    await abort(planned, action)
    await planned.controller.run_round()
    assert await planned.status() == "finished"


async def test_another_worker_goes_on_once_the_claim_of_a_killed_one_has_ended(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(action_runner, "CHUNK", 2)
    planned = await finished_campaign(darkroom, 5, failing=5)
    action = await begin(planned, FAILED)
    await run_until_killed(planned, monkeypatch, chunks=1)
    await runner(planned).run_round()
    assert (await read(planned, action)).done == 2
    darkroom.clock.forward(seconds=CLAIM.total_seconds() + 1)
    await runner(planned).run_round()
    assert (await read(planned, action)).done == 5
    await check_takes(planned)


async def test_one_item_that_can_not_be_written_does_not_block_the_others(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = await finished_campaign(darkroom, 5, failing=5)
    action, items = await begin(planned, FAILED), await planned.items()
    insert_jobs = next_takes.insert_jobs

    async def refusing(connection: object, jobs: list[object], **named: object) -> None:
        if any(job.item_id == items[2].id for job in jobs):  # type: ignore[attr-defined]
            raise ValueError("unwritable")
        await insert_jobs(connection, jobs, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(next_takes, "insert_jobs", refusing)
    await runner(planned).run_round()
    found = await read(planned, action)
    assert (found.status, found.done, found.failed) == ("finished", 4, 1)
    assert found.skipped[0]["reason"] == "unwritable"


class Killed(BaseException):
    """A process that ends in the middle of an action."""


async def run_until_killed(planned: Planned, monkeypatch: pytest.MonkeyPatch, chunks: float) -> None:
    """Run an action runner that ends after so many chunks; half a chunk is within a transaction."""
    left, begun = chunks, next_takes.add_takes

    async def killed(*arguments: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        await begun(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(next_takes, "add_takes", killed)
        try:
            await runner(planned).run_round()
        except Killed:
            return


async def check_takes(planned: Planned) -> None:
    """Each item has its takes without gaps, each once, and its newest one is the last."""
    takes = [take for take in await planned.takes() if take.caller_id == planned.caller]
    for item in [each for each in await planned.items() if each.campaign_id == planned.id]:
        mine = sorted(take.take for take in takes if take.item_id == item.id)
        assert mine == list(range(1, item.takes + 1))
        assert [take.id for take in takes if take.item_id == item.id and take.take == item.takes] == [
            item.job_id
        ]


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16))
async def test_whatever_is_retried_aborted_and_killed_each_item_gets_each_take_once(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    planned = await finished_campaign(darkroom, 7, failing=4, name=f"c{seed}-{darkroom.clock().timestamp()}")
    monkeypatch.setattr(action_runner, "CHUNK", chance.randint(1, 3))
    begun = []
    for _ in range(5):
        repair = chance.choice([FAILED, Retry(RetryMode.ALL), Reroll(seed="new")])
        keys = chance.choice([(), ("k00[0-3]",), ("k001", "k005"), ("k00*",)])
        begun.append(await begin(planned, repair, ItemFilter(keys=keys)))
        await run_until_killed(planned, monkeypatch, chance.randint(0, 4))
        if chance.random() < 0.3:
            await abort(planned, chance.choice(begun))
        if chance.random() < 0.6:
            darkroom.clock.forward(seconds=CLAIM.total_seconds() + 1)
        queued = [take.id for take in await planned.takes() if take.status == JobStatus.QUEUED]
        await end_takes(planned, queued, chance.choice([JobStatus.FAILED, JobStatus.SUCCEEDED]))
        await check_takes(planned)
    darkroom.clock.forward(seconds=CLAIM.total_seconds() + 1)
    await runner(planned).run_round()
    await check_takes(planned)
    made = 0
    for key in begun:
        found = await read(planned, key)
        assert found.status in ("finished", "aborted")
        made += found.done
        if found.status == "finished":
            assert found.eligible == found.done + sum(each["count"] for each in found.skipped)
    items = [each for each in await planned.items() if each.campaign_id == planned.id]
    assert sum(item.takes - 1 for item in items) == made
