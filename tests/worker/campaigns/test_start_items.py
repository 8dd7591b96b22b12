"""Items and jobs of rows: each once, in chunks, also after a crash between two of them."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.campaigns.status import CampaignStatus, PauseReason
from models.states import JobStatus
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.conftest import colours, plan
from tests.worker.campaigns.repairs import finished_campaign
from worker.campaigns import start_items
from worker.campaigns.controller import CampaignController


async def test_each_row_in_each_variant_becomes_an_item_with_its_first_take(darkroom: Darkroom) -> None:
    planned = await plan(
        darkroom, {"a": "red", "b": "blue"}, axes={"values": {"size": ["1K", "2K"]}}, defaults={"priority": 7}
    )
    await planned.start()
    await planned.controller.run_round()
    items, takes = await planned.items(), await planned.takes()
    assert [(item.key, item.variant, item.takes) for item in items] == [
        ("a", "size=1K", 1),
        ("a", "size=2K", 1),
        ("b", "size=1K", 1),
        ("b", "size=2K", 1),
    ]
    assert {take.id for take in takes} == {item.job_id for item in items}
    assert {(take.campaign, take.priority, take.take, take.take_reason) for take in takes} == {
        ("spring", 7, 1, "first")
    }
    assert sorted((take.prompt, take.request["size"]) for take in takes)[0] == ("a blue cat", "1K")
    assert await planned.states() == {"waiting": 4}


async def test_a_campaign_of_axes_alone_has_one_row(darkroom: Darkroom) -> None:
    planned = await plan(
        darkroom, {}, template={"prompt": "a {thing}"}, axes={"values": {"thing": ["cat", "dog"]}}
    )
    await planned.start()
    await planned.controller.run_round()
    assert [(item.key, item.variant) for item in await planned.items()] == [
        ("all", "thing=cat"),
        ("all", "thing=dog"),
    ]


async def test_a_row_without_its_variable_fails_without_a_job_and_blocks_no_other(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, {"a": "", "b": "red"})
    await planned.start()
    await planned.controller.run_round()
    assert [(item.key, item.state, item.error) for item in await planned.items()] == [
        ("a", "failed", "empty_variable"),
        ("b", "waiting", None),
    ]
    assert [take.prompt for take in await planned.takes()] == ["a red cat"]


async def test_a_changed_row_gets_a_further_take_and_the_one_that_waits_is_cancelled(
    darkroom: Darkroom,
) -> None:
    planned = await plan(darkroom, {"a": "red", "b": "blue"})
    await planned.start()
    await planned.controller.run_round()
    await planned.load({"a": "green"})
    await planned.controller.run_round()
    takes = await planned.takes()
    assert [(take.prompt, take.status, take.take, take.take_reason) for take in takes] == [
        ("a red cat", JobStatus.CANCELLED, 1, "first"),
        ("a blue cat", JobStatus.QUEUED, 1, "first"),
        ("a green cat", JobStatus.QUEUED, 2, "edit"),
    ]
    assert takes[2].parent_job_id == takes[0].id
    assert await planned.states() == {"waiting": 2}


async def test_an_item_that_was_made_waits_again_once_its_row_was_changed(darkroom: Darkroom) -> None:
    planned = await finished_campaign(darkroom, 2)
    await planned.load({"k000": "green"})
    await planned.change(CampaignStatus.RUNNING, {})
    await planned.controller.run_round()
    assert await planned.states() == {"made": 1, "waiting": 1}
    assert await planned.status() == "running"


async def test_a_row_with_more_variants_than_a_chunk_is_started_in_several(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_items, "CHUNK", 3)
    planned = await plan(
        darkroom, {"a": "red", "b": "blue"}, axes={"values": {"x": [str(number) for number in range(8)]}}
    )
    await planned.start()
    await planned.controller.run_round()
    assert len({(item.key, item.variant) for item in await planned.items()}) == 16
    assert len(await planned.takes()) == 16


class Killed(BaseException):
    """A process that ends in the middle of a transaction."""


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16))
async def test_whatever_is_imported_paused_and_killed_each_key_is_made_once(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    planned = await plan(darkroom, colours(7), name=f"c{seed}", axes={"values": {"x": ["1", "2"]}})
    monkeypatch.setattr(start_items, "CHUNK", chance.randint(1, 6))
    insert_jobs = start_items.insert_jobs

    async def killed(*arguments: object, **named: object) -> None:
        await insert_jobs(*arguments, **named)  # type: ignore[arg-type]
        if chance.random() < 0.4:
            raise Killed

    await planned.start()
    keys = 7
    for _ in range(6):
        with monkeypatch.context() as patch:
            patch.setattr(start_items, "insert_jobs", killed)
            try:
                await planned.controller.run_round()
            except Killed:
                continue
        if chance.random() < 0.4:
            keys += 2
            await planned.load(colours(keys))
        if chance.random() < 0.4 and await planned.status() == CampaignStatus.RUNNING:
            await planned.pause(PauseReason.MANUAL)
            await planned.controller.run_round()
            await planned.resume()
    await planned.controller.run_round()
    mine = [item for item in await planned.items() if item.campaign_id == planned.id]
    assert sorted((item.key, item.variant) for item in mine) == [
        (key, f"x={number}") for key in colours(keys) for number in (1, 2)
    ]
    takes = [take for take in await planned.takes() if take.caller_id == planned.caller]
    assert sorted(take.id for take in takes) == sorted(item.job_id for item in mine)


async def test_two_workers_start_each_item_once(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, colours(30))
    await planned.start()
    controllers: list[CampaignController] = [planned.controller for _ in range(3)]
    for _ in range(2):
        for controller in controllers:
            await controller.run_round()
    assert len(await planned.takes()) == 30
