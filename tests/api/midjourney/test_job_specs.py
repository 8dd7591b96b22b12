"""Job specifications: models, and calls of a grid."""

from pathlib import Path

from tests.api.midjourney.stack import open_stack


async def test_where_n_is_honoured_one_call_draws_all_four(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, upstream_preset="generic") as stack:
        task = await stack.done()

        assert len(task["imageUrls"]) == 4
        assert len(stack.darkroom.provider.call_log.calls) == 1


async def test_a_grid_of_one_is_the_picture_itself(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_grid=1) as stack:
        task = await stack.done()

        assert task["imageUrl"] == task["imageUrls"][0]["url"]
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
