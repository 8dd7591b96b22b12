"""imagine from the submit to the grid."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from models.queries.midjourney.completion import claim_ready_tasks
from models.states import JobStatus
from tests.api.midjourney.stack import PIXEL, MidjourneyStack, open_stack
from worker.midjourney.completion import complete_task


async def test_an_imagine_becomes_a_grid_of_four_pictures(each_stack: MidjourneyStack) -> None:
    envelope = await each_stack.submit("imagine", prompt="a cat", state="room:alice")
    assert envelope == {
        "code": 1,
        "description": "Submitted.",
        "result": envelope["result"],
        "properties": {"discordInstanceId": "darkroom"},
    }
    before = await each_stack.fetch(envelope["result"])
    assert (before["status"], before["progress"], before["buttons"]) == ("NOT_START", "0%", [])

    await each_stack.work()
    task = await each_stack.fetch(envelope["result"])
    assert (task["status"], task["progress"], task["failReason"]) == ("SUCCESS", "100%", None)
    labels = [button["label"] for button in task["buttons"]]
    assert labels == ["U1", "U2", "U3", "U4", "", "V1", "V2", "V3", "V4"]
    assert len({picture["url"] for picture in task["imageUrls"]}) == 4
    picture = await each_stack.service.client.get(task["imageUrl"])
    with Image.open(BytesIO(picture.content)) as grid:
        assert (grid.format, grid.size) == ("JPEG", (2, 2))
    assert len(each_stack.darkroom.provider.call_log.calls) == 4


async def test_three_of_four_pictures_are_a_success_without_the_buttons_of_the_fourth(
    stack: MidjourneyStack,
) -> None:
    task = await stack.done(prompt="a cat [fail moderation once]")

    assert task["status"] == "SUCCESS"
    assert [button["label"] for button in task["buttons"]] == ["U1", "U2", "U3", "", "V1", "V2", "V3"]
    assert len(task["imageUrls"]) == 3


async def test_one_of_four_pictures_is_shown_as_it_is(stack: MidjourneyStack) -> None:
    task = await stack.done(prompt="a cat [fail moderation 3 times]")

    assert [button["label"] for button in task["buttons"]] == ["U1", "", "V1"]
    assert task["imageUrl"] == task["imageUrls"][0]["url"]


async def test_no_picture_at_all_is_a_failure_with_the_providers_reason(stack: MidjourneyStack) -> None:
    task = await stack.done(prompt="a cat [fail moderation]")

    assert (task["status"], task["progress"]) == ("FAILURE", "")
    assert task["failReason"]
    assert (task["imageUrl"], task["imageUrls"], task["buttons"]) == (None, None, [])


async def test_an_imagine_ends_once_however_many_put_it_together(each_stack: MidjourneyStack) -> None:
    number = await each_stack.number()
    await each_stack.dispatch()
    await each_stack.worker.deliver()
    services, at = each_stack.darkroom.services, each_stack.darkroom.clock()
    async with services.database.writing() as connection:
        claimed = await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)
    async with services.database.writing() as connection:
        assert not await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)

    await complete_task(services, claimed[0])
    first = await each_stack.fetch(number)
    await complete_task(services, claimed[0])
    assert await each_stack.fetch(number) == first


async def test_a_worker_that_dies_while_it_composes_is_replaced(each_stack: MidjourneyStack) -> None:
    number = await each_stack.number()
    await each_stack.dispatch()
    await each_stack.worker.deliver()
    at = each_stack.darkroom.clock()
    async with each_stack.darkroom.services.database.writing() as connection:
        await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)

    await each_stack.completer.run_round()
    waiting = await each_stack.fetch(number)
    assert (waiting["status"], waiting["progress"]) == ("IN_PROGRESS", "99%")
    assert waiting["imageUrl"]
    each_stack.darkroom.clock.forward(minutes=2)
    await each_stack.completer.run_round()
    assert (await each_stack.fetch(number))["status"] == "SUCCESS"


async def test_a_preview_is_shown_while_other_parts_run(stack: MidjourneyStack) -> None:
    number = await stack.number(prompt="a cat [fail moderation once]")
    await stack.dispatch()
    sent = list(stack.worker.messages)
    task, job_ids, lease = sent[0]
    stack.worker.messages[:] = [(task, job_ids[:1], lease)]
    await stack.worker.deliver()
    stack.worker.messages[:] = [(task, job_ids[1:2], lease)]
    await stack.worker.deliver()

    await stack.complete()
    running = await stack.fetch(number)
    assert (running["status"], running["progress"]) == ("IN_PROGRESS", "50%")
    assert running["imageUrl"].endswith(".png")
    assert running["finishTime"] is None


async def test_where_n_is_honoured_one_call_draws_all_four(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, upstream_preset="generic") as stack:
        task = await stack.done()

        assert len(task["imageUrls"]) == 4
        assert len(stack.darkroom.provider.call_log.calls) == 1


async def test_what_a_call_for_four_did_not_bring_is_called_for_one_by_one(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(plain_database_url, tmp_path, upstream_preset="generic") as stack:
        number = await stack.number(prompt="a cat [1 picture]")
        await stack.dispatch()
        (job,) = await stack.jobs()
        await stack.force(job.id, JobStatus.LEASED, started_at=datetime.now(UTC), progress=60)
        assert (await stack.fetch(number))["progress"] == "60%"  # of the one call
        await stack.worker.deliver()
        called = await stack.fetch(number)
        await stack.complete()
        missing = await stack.fetch(number)
        jobs = await stack.jobs()
        assert [each.expires_at for each in jobs] == [job.expires_at] * 4  # all within the task's time
        for between in (called, missing):  # what was shown is not taken back
            assert (between["status"], between["progress"]) == ("IN_PROGRESS", "99%")
        await stack.work()

        task = await stack.fetch(number)
        assert (task["status"], len(task["imageUrls"])) == ("SUCCESS", 4)
        assert len(stack.darkroom.provider.call_log.calls) == 4


async def test_a_worker_that_is_late_does_not_end_a_task_whose_missing_pictures_are_called_for(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(plain_database_url, tmp_path, upstream_preset="generic") as stack:
        number = await stack.number(prompt="a cat [1 picture]")
        await stack.dispatch()
        await stack.worker.deliver()
        services, at = stack.darkroom.services, stack.darkroom.clock()
        async with services.database.writing() as connection:
            (claimed,) = await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)

        for _ in range(2):  # another worker, when the claim was over, and then the first one
            assert not await complete_task(services, claimed)
        assert (await stack.fetch(number))["status"] == "IN_PROGRESS"
        await stack.work()
        assert len((await stack.fetch(number))["imageUrls"]) == 4


async def test_a_grid_of_one_is_the_picture_itself(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_grid=1) as stack:
        task = await stack.done()

        assert task["imageUrl"] == task["imageUrls"][0]["url"]
        assert [button["label"] for button in task["buttons"]] == ["U1", "", "V1"]
        assert len(stack.darkroom.provider.call_log.calls) == 1


@pytest.mark.parametrize(
    "picture", [f"data:image/png;base64,{PIXEL}", f"data:image/jpeg;base64,{PIXEL}", PIXEL]
)
async def test_reference_pictures_may_be_data_urls_of_any_type_or_bare(
    stack: MidjourneyStack, picture: str
) -> None:
    task = await stack.done(prompt="https://pictures.example/a.png a cat --iw 2", base64Array=[picture])

    assert task["status"] == "SUCCESS"
    jobs = await stack.jobs()
    assert {len(job.request["images"]) for job in jobs} == {2}
    assert {job.request["images"][0][:6] for job in jobs} == {"asset_"}
    assert {job.request["images"][1] for job in jobs} == {"https://pictures.example/a.png"}


async def test_flags_become_parameters_and_words_and_unknown_ones_stay(stack: MidjourneyStack) -> None:
    await stack.number(prompt="a cat --ar 16:9 --seed 7 --no dogs --foo bar --v 6")

    jobs = await stack.jobs()
    assert {job.prompt for job in jobs} == {"a cat --foo bar\nLeave out: dogs."}
    assert {job.request["size"] for job in jobs} == {"16:9"}
    assert sorted(job.request["params"]["seed"] for job in jobs) == [7, 8, 9, 10]


async def test_the_seeds_of_a_grid_stay_below_what_providers_take(stack: MidjourneyStack) -> None:
    await stack.number(prompt=f"a cat --seed {2**32 - 2}")

    seeds = [job.request["params"]["seed"] for job in await stack.jobs()]
    assert sorted(seeds) == [0, 1, 2**32 - 2, 2**32 - 1]


async def test_niji_has_a_model_of_its_own_or_is_asked_for_in_words(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_niji_model="practice-anime") as stack:
        first, second = (
            await stack.number(prompt="a cat --niji 6"),
            await stack.number(botType="NIJI_JOURNEY"),
        )
        assert {job.model for job in await stack.jobs()} == {"practice-anime"}
        assert {(await stack.fetch(each))["botType"] for each in (first, second)} == {"NIJI_JOURNEY"}


@pytest.mark.parametrize(
    ("prefix", "mode", "priority"),
    [("", "FAST", 5), ("/mj-relax", "RELAX", 3), ("/mj-turbo", "TURBO", 7), ("/mj-fast", "FAST", 5)],
)
async def test_the_prefix_decides_how_soon(
    stack: MidjourneyStack, prefix: str, mode: str, priority: int
) -> None:
    envelope = await stack.submit("imagine", prefix=prefix, prompt="a cat", accountFilter={"instanceId": ""})

    assert (await stack.fetch(envelope["result"]))["mode"] == mode
    assert {job.priority for job in await stack.jobs()} == {priority}


async def test_a_call_whose_outcome_nobody_knows_is_a_failure_not_an_endless_wait(
    stack: MidjourneyStack,
) -> None:
    number = await stack.number()

    assert {job.on_unknown for job in await stack.jobs()} == {"fail"}
    for job in await stack.jobs():
        await stack.force(job.id, JobStatus.HELD)
    await stack.complete()
    assert (await stack.fetch(number))["status"] == "FAILURE"
