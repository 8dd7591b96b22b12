"""The controller moves a campaign from its start to its end, and pauses it where it must."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.campaigns.status import CampaignStatus, PauseReason
from models.ids import new_id
from models.queries.campaigns import campaigns
from models.states import JobStatus
from models.tables import jobs
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.conftest import colours, plan
from tests.worker.metrics.samples import sample

S = CampaignStatus


async def test_a_campaign_runs_from_its_start_to_its_end(darkroom: Darkroom) -> None:
    planned, worker = await plan(darkroom, colours(3)), await darkroom.worker()
    ended = ("darkroom_campaign_duration_seconds_count", "darkroom_campaign_duration_seconds_sum")
    before = [sample(name, outcome="finished") for name in ended]
    await planned.start()
    darkroom.clock.forward(seconds=90)
    await planned.rounds(worker, 3)
    assert (await planned.status(), await planned.states()) == ("finished", {"made": 3})
    campaign = await planned.read()
    assert campaign.finished_at is not None
    assert campaign.started_at is not None
    seconds = (campaign.finished_at - campaign.started_at).total_seconds()
    assert seconds >= 90
    count, total = (sample(name, outcome="finished") - was for name, was in zip(ended, before, strict=True))
    assert (count, total) == (1, pytest.approx(seconds))


async def test_a_canary_runs_first_and_waits_for_approval(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, colours(10), canary={"items": 3})
    worker = await darkroom.worker()
    await planned.start()
    await planned.rounds(worker, 3)
    assert (await planned.status(), await planned.states()) == ("awaiting_approval", {"made": 3})
    assert [item.key for item in await planned.items()] == ["k001", "k005", "k008"]
    await planned.change(S.RUNNING, {"closed": None})
    await planned.rounds(worker, 3)
    assert (await planned.status(), await planned.states()) == ("finished", {"made": 10})


async def test_an_automatic_canary_goes_on_by_itself_unless_it_made_nothing(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, colours(4), canary={"items": 2, "then": "auto"})
    worker = await darkroom.worker()
    await planned.start()
    await planned.rounds(worker, 4)
    assert (await planned.status(), await planned.states()) == ("finished", {"made": 4})


@pytest.mark.parametrize(("failed", "status"), [(11, "paused"), (10, "running")])
async def test_it_pauses_when_most_of_the_last_items_failed_for_one_class(
    darkroom: Darkroom, failed: int, status: str
) -> None:
    planned = await plan(darkroom, colours(30), failing={"of_last": 20, "share": 0.5})
    await planned.start()
    await planned.controller.run_round()
    takes = await planned.takes()
    for number, take in enumerate(takes[:20]):
        darkroom.clock.forward(seconds=1)
        await end(darkroom, take.id, failed=number < failed)
    await planned.controller.run_round()
    campaign = await planned.read()
    assert campaign.status == status
    if status == "paused":
        assert (campaign.paused_reason, campaign.closed) == ("failing", "campaign_failing")
        assert campaign.paused_detail == "11 of the last 20 items failed: bad_prompt"
        await planned.resume()
        await planned.controller.run_round()
        assert await planned.status() == "running"  # what failed before counts no more


async def end(darkroom: Darkroom, job_id: object, *, failed: bool) -> None:
    """End a job as a worker does."""
    async with darkroom.services.database.writing() as connection:
        status = JobStatus.FAILED if failed else JobStatus.SUCCEEDED
        error = {"code": "bad_prompt"} if failed else None
        changes = {"status": status.value, "error": error, "finished_at": darkroom.clock()}
        await connection.execute(update(jobs).where(jobs.c.id == job_id).values(**changes))


async def test_while_it_is_paused_no_item_is_started_and_nothing_is_lost(darkroom: Darkroom) -> None:
    planned, worker = await plan(darkroom, colours(3)), await darkroom.worker()
    await planned.start()
    await planned.pause(PauseReason.MANUAL, until=darkroom.clock() + timedelta(minutes=1))
    await planned.rounds(worker, 2)
    assert (await planned.items(), await planned.status()) == ([], "paused")
    darkroom.clock.forward(minutes=1)
    await planned.rounds(worker, 4)
    assert (await planned.status(), await planned.states()) == ("finished", {"made": 3})


async def test_cancelling_ends_what_is_queued(darkroom: Darkroom) -> None:
    planned, worker = await plan(darkroom, colours(3)), await darkroom.worker()
    await planned.start()
    await planned.controller.run_round()
    await planned.change(S.CANCELLED, {"closed": "campaign_paused"})
    await planned.rounds(worker, 2)
    assert await planned.states() == {"skipped": 3}
    assert (await planned.read()).closed is None
    async with darkroom.services.database.reading() as connection:
        assert list(await campaigns.list_active(connection)) == []


async def test_rows_that_come_while_it_runs_start_by_themselves(darkroom: Darkroom) -> None:
    planned, worker = await plan(darkroom, colours(2)), await darkroom.worker()
    await planned.start()
    await planned.controller.run_round()
    await planned.load(colours(4))
    await planned.rounds(worker, 3)
    assert (await planned.status(), await planned.states()) == ("finished", {"made": 4})


async def test_it_ends_after_an_import_under_way_but_does_not_await_one_that_was_killed(
    darkroom: Darkroom,
) -> None:
    planned, worker = await plan(darkroom, colours(1)), await darkroom.worker()
    until = darkroom.clock() + timedelta(minutes=1)
    async with darkroom.services.database.writing() as connection:
        claimed = {"until": until, "at": darkroom.clock()}
        assert await campaigns.claim_import(connection, planned.id, new_id(), **claimed)
    await planned.start()
    await planned.rounds(worker, 3)
    assert (await planned.status(), await planned.states()) == ("running", {"made": 1})
    darkroom.clock.at = until
    await planned.rounds(worker)
    assert await planned.status() == "finished"


async def test_windows_open_and_close_it(darkroom: Darkroom) -> None:
    now = darkroom.clock()
    opens, closes = now + timedelta(hours=1), now + timedelta(hours=2)
    window = {"from": f"{opens:%H:%M}", "to": f"{closes:%H:%M}"}
    planned, worker = await plan(darkroom, colours(2), windows=[window]), await darkroom.worker()
    await planned.start()
    await planned.rounds(worker, 2)
    assert await planned.states() == {"waiting": 2}
    darkroom.clock.forward(hours=3)
    await planned.rounds(worker, 2)
    assert await planned.states() == {"waiting": 2}
    next_opening = (await planned.read()).opens_at
    assert next_opening is not None
    assert next_opening > darkroom.clock()
    darkroom.clock.at = next_opening + timedelta(seconds=1)
    await planned.rounds(await darkroom.worker(), 3)
    assert await planned.states() == {"made": 2}


async def test_counts_are_merged(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, colours(120))
    await planned.start()
    await planned.controller.run_round()
    for take in await planned.takes():
        await end(darkroom, take.id, failed=False)
    before = await planned.states()
    await planned.controller.run_round()
    assert await planned.states() == before == {"made": 120}
