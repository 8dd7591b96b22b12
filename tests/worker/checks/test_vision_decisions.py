"""Vision model: asked once about each picture, within the campaign; its verdict is a machine's."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from models.campaigns.status import CampaignStatus, PauseReason
from models.queries.campaigns import verdicts
from models.states import JobStatus
from models.tables import jobs, vision_checks
from models.tables import verdicts as table_of_verdicts
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.conftest import Planned
from tests.worker.campaigns.repairs import end_takes
from tests.worker.checks.stored import WHITE, examiner, make, noise, started, store
from worker.checks.vision_decisions import VisionDecider
from worker.checks.vision_questions import TAG

RULES = ["Is there one shoe?", "Is the background white?"]
GOOD = "0. A shoe.\n1. yes: one\n2. yes"
BAD = "0. Two shoes.\n1. no: two shoes\n2. yes"


def rules(text: str = GOOD, **members: Any) -> dict[str, Any]:
    """A campaign's questions to the practice provider's text model, which answers with this text."""
    params = {"practice": {"says": text}}
    return {"model": "practice-text", "rules": RULES, "params": params, **members}


def decider(planned: Planned) -> VisionDecider:
    return VisionDecider(planned.darkroom.services, asyncio.Event(), asyncio.Event())


async def rows(planned: Planned, table: Any) -> list[Any]:
    async with planned.darkroom.services.database.reading() as connection:
        return list((await connection.execute(select(table).order_by(*table.primary_key))).all())


async def asked(planned: Planned) -> list[Any]:
    return [job for job in await rows(planned, jobs) if TAG in job.tags]


async def judged(planned: Planned, *pictures: bytes) -> None:
    """Store a picture for each item, and let workers examine, ask and decide."""
    await make(planned, *pictures)
    await examiner(planned).run_round()
    worker = await planned.darkroom.worker()
    for _ in range(2):
        await worker.run_round()
        planned.darkroom.clock.forward(seconds=1)
    await decider(planned).run_round()


@pytest.mark.parametrize(("text", "state"), [(GOOD, "approved"), (BAD, "rejected"), ("I am blind", "made")])
async def test_answers_become_a_verdict_of_a_machine(darkroom: Darkroom, text: str, state: str) -> None:
    planned = await started(darkroom, 1, gate=rules(text))
    await judged(planned, noise(1))
    assert await planned.states() == {state: 1}
    (job,) = await asked(planned)
    assert (job.status, job.campaign, job.item_id, job.model) == (
        "succeeded",
        "spring",
        None,
        "practice-text",
    )
    assert "1. Is there one shoe?" in job.prompt
    given = [(each.verdict, each.source, each.by) for each in await rows(planned, table_of_verdicts)]
    word = {"approved": "pick", "rejected": "reject"}.get(state)
    assert given == ([(word, "machine", "practice-text")] if word else [])
    if state == "rejected":
        assert (await rows(planned, table_of_verdicts))[0].reason == "Is there one shoe? No: two shoes"
    await planned.controller.run_round()
    assert await planned.status() == "finished"


async def test_a_picture_is_asked_about_once_and_again_after_no_kill(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 2, gate=rules())
    await make(planned, noise(1), noise(2))
    for _ in range(2):
        await examiner(planned).run_round()
        darkroom.clock.forward(hours=1)
    assert len(await asked(planned)) == len(await rows(planned, vision_checks)) == 2
    for _ in range(2):
        await decider(planned).run_round()
    assert await planned.states() == {"made": 2}  # nothing was answered yet


async def test_a_campaign_does_not_finish_before_its_questions_are_answered(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, gate=rules())
    await make(planned, noise(1))
    await planned.controller.run_round()
    assert await planned.status() == "running"
    await examiner(planned).run_round()
    await planned.controller.run_round()
    assert await planned.status() == "running"


async def test_a_person_outranks_the_machine_before_and_after_it(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 2, gate=rules(BAD))
    await make(planned, noise(1), noise(2))
    await examiner(planned).run_round()
    await pick(planned, 0)  # while the question is under way
    await (await darkroom.worker()).run_round()
    await decider(planned).run_round()
    assert await planned.states() == {"approved": 1, "rejected": 1}
    await pick(planned, 1)
    assert await planned.states() == {"approved": 2}


async def pick(planned: Planned, index: int) -> None:
    item = (await planned.items())[index]
    values = {"campaign_id": planned.id, "verdict": "pick", "source": "person", "by": "ann"}
    more = {"reason": None, "key_id": None, "action_id": None, "at": planned.darkroom.clock()}
    async with planned.darkroom.services.database.writing() as connection:
        await verdicts.insert_verdicts(connection, [item], values | more)


async def test_an_item_with_a_persons_verdict_is_not_asked_about(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, gate=rules())
    await make(planned, noise(1))
    await pick(planned, 0)
    await examiner(planned).run_round()
    assert await asked(planned) == []


async def test_a_rejected_picture_is_made_again_at_most_so_often(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, gate=rules(BAD, on_fail="reroll"), checks={"rerolls": 1})
    for seed in range(3):
        await judged(planned, noise(seed))
    assert [take.take for take in await planned.takes()] == [1, 2]
    assert await planned.states() == {"rejected": 1}
    assert [each.verdict for each in await rows(planned, table_of_verdicts)] == ["reject", "reject"]


async def test_one_picture_that_passes_is_enough_for_a_take(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, gate=rules())
    (item,) = await planned.items()
    await store(darkroom, item.job_id, noise(1))
    await store(darkroom, item.job_id, noise(2), position=1)
    await end_takes(planned, [item.job_id], JobStatus.SUCCEEDED)
    await examiner(planned).run_round()
    first, second = await asked(planned)
    await end_takes(planned, [first.id], JobStatus.FAILED)
    await decider(planned).run_round()
    assert await planned.states() == {"made": 1}
    await (await darkroom.worker()).run_round()
    assert (await darkroom.job(second.id)).status == "succeeded"
    await decider(planned).run_round()
    assert await planned.states() == {"approved": 1}


async def test_what_passes_may_be_left_to_people(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, gate=rules(on_pass="none"))
    await judged(planned, noise(1))
    assert await planned.states() == {"made": 1}
    assert [each.passed for each in await rows(planned, vision_checks)] == [True]


async def test_questions_keep_the_pauses_of_their_campaign(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, gate=rules())
    await make(planned, noise(1))
    await planned.pause(PauseReason.MANUAL)
    await examiner(planned).run_round()
    await (await darkroom.worker()).run_round()
    assert [job.status for job in await asked(planned)] == ["queued"]


async def test_a_blank_picture_is_made_again_before_anyone_is_asked(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, gate=rules(), checks={"blank": "reroll", "rerolls": 1})
    await make(planned, WHITE)
    await examiner(planned).run_round()
    assert (len(await planned.takes()), await asked(planned)) == (2, [])
    await make(planned, WHITE)
    await examiner(planned).run_round()
    assert (len(await planned.takes()), len(await asked(planned))) == (2, 1)


async def test_a_cancelled_campaign_asks_nothing(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, gate=rules())
    await make(planned, noise(1))
    await planned.change(CampaignStatus.CANCELLED, {"closed": "campaign_paused"})
    await examiner(planned).run_round()
    assert await asked(planned) == []
