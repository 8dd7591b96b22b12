"""Rules of a campaign: a finding leads to a further take, so often at most, never against a verdict."""

from typing import Any

from models.campaigns.status import CampaignStatus
from models.queries.campaigns import verdicts
from models.states import JobStatus
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.conftest import Planned
from tests.worker.campaigns.repairs import end_takes
from tests.worker.checks.stored import WHITE, examiner, make, noise, started, store

BLANK = {"blank": "reroll", "rerolls": 2}


async def takes(planned: Planned) -> list[tuple[int, str, str]]:
    return [(take.take, take.take_reason, take.status) for take in await planned.takes()]


async def test_a_blank_picture_is_made_again_with_another_seed_at_most_so_often(darkroom: Darkroom) -> None:
    planned = await started(
        darkroom, 1, checks=BLANK, template={"prompt": "a {colour} cat", "params": {"seed": 7}}
    )
    for _ in range(4):
        await make(planned, WHITE)
        await examiner(planned).run_round()
        await planned.controller.run_round()
    assert await takes(planned) == [
        (1, "first", "succeeded"),
        (2, "reroll", "succeeded"),
        (3, "reroll", "succeeded"),
    ]
    first, second, third = await planned.takes()
    assert (second.parent_job_id, third.parent_job_id) == (first.id, second.id)
    assert len({take.request["params"]["seed"] for take in (first, second, third)}) == 3
    assert (await planned.states(), await planned.status()) == ({"made": 1}, "finished")


async def test_a_picture_that_is_right_ends_the_takes(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, checks=BLANK)
    await make(planned, WHITE)
    await examiner(planned).run_round()
    await make(planned, noise(1))
    await examiner(planned).run_round()
    assert [number for number, _, _ in await takes(planned)] == [1, 2]


async def test_without_a_rule_findings_are_only_marked(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, checks={"size": "reroll"})
    await make(planned, WHITE)
    await examiner(planned).run_round()
    assert [number for number, _, _ in await takes(planned)] == [1]


async def test_one_right_picture_of_several_keeps_the_take(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 2, checks=BLANK)
    for item, second in zip(await planned.items(), (noise(1), WHITE), strict=True):
        await store(darkroom, item.job_id, WHITE)
        await store(darkroom, item.job_id, second, position=1)
        await end_takes(planned, [item.job_id], JobStatus.SUCCEEDED)
    await examiner(planned).run_round()
    assert [item.takes for item in await planned.items()] == [1, 2]


async def test_a_campaign_does_not_finish_before_its_pictures_are_examined(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, checks=BLANK)
    await make(planned, WHITE)
    await planned.controller.run_round()
    assert await planned.status() == "running"
    await examiner(planned).run_round()
    await planned.controller.run_round()
    assert (await planned.status(), await planned.states()) == ("running", {"waiting": 1})


async def test_a_canary_waits_for_its_examination(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 3, checks=BLANK, canary={"items": 1})
    await planned.controller.run_round()
    await make(planned, WHITE)
    await planned.controller.run_round()
    assert await planned.status() == "canary"
    await examiner(planned).run_round()
    await make(planned, noise(1))
    await examiner(planned).run_round()
    await planned.controller.run_round()
    assert await planned.status() == "awaiting_approval"


async def test_a_verdict_of_a_person_outranks_the_rule(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, checks=BLANK)
    await make(planned, WHITE)
    (item,) = await planned.items()
    person: dict[str, Any] = {"source": "person", "by": "ann", "at": darkroom.clock()}
    async with darkroom.services.database.writing() as connection:
        given = {"campaign_id": planned.id, "verdict": "pick", **person}
        await verdicts.insert_verdicts(
            connection, [item], {"reason": None, "key_id": None, **given} | {"action_id": None}
        )
    await examiner(planned).run_round()
    assert (await planned.states(), len(await planned.takes())) == ({"approved": 1}, 1)


async def test_a_cancelled_campaign_gets_no_further_take(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1, checks=BLANK)
    await make(planned, WHITE)
    await planned.change(CampaignStatus.CANCELLED, {"closed": "campaign_paused"})
    await examiner(planned).run_round()
    assert len(await planned.takes()) == 1
