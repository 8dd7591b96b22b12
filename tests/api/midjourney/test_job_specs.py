"""Job specifications: models, and calls of a grid."""

from pathlib import Path

from api.midjourney.job_specs import JobSpec, grid_of
from models.settings import Settings
from tests.api.midjourney.stack import open_stack


async def test_where_n_is_honoured_one_call_draws_all_four(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, upstream_preset="generic") as stack:
        task = await stack.done()

        assert len(task["imageUrls"]) == 4
        assert len(stack.darkroom.provider.call_log.calls) == 1


async def test_a_grid_of_one_is_the_picture_itself(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_grid=1) as stack:
        task = await stack.done()

        assert (task["imageUrl"] is not None, task["imageUrls"]) == (True, None)
        assert [button["label"] for button in task["buttons"]] == ["U1", "", "V1"]
        assert len(stack.darkroom.provider.call_log.calls) == 1


async def test_niji_has_its_own_model_or_a_sentence_in_the_prompt(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_niji_model="practice-anime") as stack:
        first, second = (
            await stack.number(prompt="a cat --niji 6"),
            await stack.number(botType="NIJI_JOURNEY"),
        )
        assert {job.model for job in await stack.jobs()} == {"practice-anime"}
        assert {(await stack.fetch(each))["botType"] for each in (first, second)} == {"NIJI_JOURNEY"}


def test_a_specification_is_read_back_from_a_tasks_request() -> None:
    spec = JobSpec(
        model="m",
        prompt="a cat",
        images=("asset_1",),
        params={"seed": 7},
        size="1:1",
        wants="text",
        prepare={"cut": True},
    )
    assert JobSpec.from_json({**spec.to_json(), "wanted": 4, "words": "a cat"}) == spec


def test_what_is_not_set_is_no_member_of_the_request() -> None:
    spec = JobSpec(model="m", prompt="a cat", n=4, copies=2)
    assert spec.to_json() == {"model": "m", "prompt": "a cat", "images": [], "params": {}}


def test_clients_of_the_native_api_can_not_set_how_images_are_prepared() -> None:
    assert "prepare" not in JobSpec(model="m", prompt="a cat", prepare={"cut": True}).members()


def test_a_grid_has_a_copy_for_each_image_unless_every_channel_honours_n() -> None:
    spec = JobSpec(model="m", prompt="a cat")
    grid = grid_of(Settings(midjourney_grid=3), spec)
    assert (grid.copies, grid.n) == (3, None)
