"""The styles that a relay understands are found out by calls, on a practice provider of each style."""

import typing

import pytest

from api.cli.style_probe import MOST_CALLS, StyleReport, probe_channel
from models.channels import NStyle, SizeStyle
from models.errors import DarkroomError
from models.settings import Settings
from tests.worker.upstream.channels import channel
from worker.practice.server import start_practice

SETTINGS = Settings(allow_private=("127.0.0.0/8",))


async def probe(
    *, every: bool = False, preset: str = "generic", **provider: object
) -> tuple[StyleReport, int]:
    """Probe a practice provider. Returns the report and the number of calls."""
    running = await start_practice(**provider)
    try:
        relay = channel(base_url=running.url, preset=preset)
        report = await probe_channel(relay, "practice-image", "a red circle", SETTINGS, every=every)
        return report, len(running.call_log.calls)
    finally:
        await running.stop()


@pytest.mark.parametrize("style", typing.get_args(SizeStyle))
async def test_the_place_of_the_size_is_found_in_a_relay_of_each_style(style: SizeStyle) -> None:
    report, _ = await probe(size_style=style)
    assert report.settings() == {"size_style": style, "n_style": "n"}


@pytest.mark.parametrize("style", typing.get_args(NStyle))
async def test_the_way_to_several_images_is_found_in_a_relay_of_each_style(style: NStyle) -> None:
    report, _ = await probe(n_style=style)
    assert report.settings() == {"size_style": "size", "n_style": style}
    assert report.toml() == f'size_style = "size"\nn_style = "{style}"'


async def test_no_more_calls_are_made_than_it_takes_unless_all_styles_are_wanted() -> None:
    assert (await probe())[1] == 2
    report, calls = await probe(every=True)
    assert calls == MOST_CALLS == len(report.trials)


async def test_the_preset_s_own_style_is_tried_first() -> None:
    report, _ = await probe(preset="huiyan", size_style="prompt")
    assert (report.trials[0].value, report.trials[0].understood) == ("prompt", True)


async def test_images_inside_the_answer_are_measured_as_well() -> None:
    report, _ = await probe(deliver="markdown_data", size_style="aspect_ratio")
    assert report.settings()["size_style"] == "aspect_ratio"


async def test_a_channel_that_does_not_work_ends_after_one_call() -> None:
    with pytest.raises(DarkroomError, match="The first call made no image"):
        await probe(fail="401")
