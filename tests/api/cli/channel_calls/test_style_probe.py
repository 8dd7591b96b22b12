"""The styles that a relay understands are found out by calls, on a practice provider of each style."""

import typing

import pytest

from api.cli.channel_calls.style_probe import LEAST_CALLS, MOST_CALLS, StyleReport, probe_channel
from models.channels import ContentStyle, ImageStyle, NStyle, SizeStyle
from models.errors import DarkroomError
from models.settings import Settings
from tests.worker.upstream.channels import channel
from worker.practice.server import start_practice

SETTINGS = Settings(allow_private=("127.0.0.0/8",))
USUAL = {"size_style": "size", "n_style": "n", "content_style": "auto", "image_style": "parts"}


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
    assert report.settings == {**USUAL, "size_style": style}


@pytest.mark.parametrize("style", typing.get_args(NStyle))
async def test_the_way_to_several_images_is_found_in_a_relay_of_each_style(style: NStyle) -> None:
    report, _ = await probe(n_style=style)
    assert report.settings == {**USUAL, "n_style": style}
    assert report.toml().splitlines()[:2] == ['size_style = "size"', f'n_style = "{style}"']


@pytest.mark.parametrize("style", typing.get_args(ContentStyle))
async def test_the_form_of_the_content_is_found_in_a_relay_of_each_style(style: ContentStyle) -> None:
    report, _ = await probe(content_style=style)
    assert report.settings == {**USUAL, "content_style": style}


@pytest.mark.parametrize("style", typing.get_args(ImageStyle))
async def test_the_place_of_input_images_is_found_in_a_relay_of_each_style(style: ImageStyle) -> None:
    report, _ = await probe(image_style=style)
    assert report.settings == {**USUAL, "image_style": style}


@pytest.mark.parametrize(
    "styles",
    [
        {"content_style": "parts", "image_style": "member", "size_style": "prompt"},
        {"content_style": "string", "size_style": "system", "n_style": "prompt"},
    ],
)
async def test_trying_every_style_finds_the_same_as_trying_until_one_is_understood(
    styles: dict[str, str],
) -> None:
    report, _ = await probe(**styles, every=True)
    assert report.settings == {**USUAL, **styles}
    assert report.settings == (await probe(**styles))[0].settings


async def test_a_relay_that_draws_by_modalities_alone_is_found() -> None:
    report, _ = await probe(modalities=True)
    assert report.settings == {**USUAL, "modalities": ("image", "text")}
    assert 'modalities = ["image","text"]' in report.toml().splitlines()


async def test_input_images_are_sent_inline_where_no_answer_has_an_address() -> None:
    report, _ = await probe(deliver="markdown_data")
    assert report.settings == {**USUAL, "image_style": "inlined"}


async def test_a_relay_that_reads_no_input_images_gets_no_line_for_them() -> None:
    report, _ = await probe(content_style="string", deliver="markdown_data")
    assert report.settings == {"size_style": "size", "n_style": "n"}
    inputs = [trial for trial in report.trials if trial.setting in ("content_style", "image_style")]
    assert [trial.value for trial in inputs if trial.understood] == []


async def test_no_more_calls_are_made_than_it_takes_unless_all_styles_are_wanted() -> None:
    assert (await probe())[1] == LEAST_CALLS
    report, calls = await probe(every=True)
    assert calls == MOST_CALLS == len(report.trials)
    assert report.settings == USUAL


async def test_the_preset_s_own_style_is_tried_first() -> None:
    report, calls = await probe(preset="huiyan", size_style="prompt", content_style="parts")
    assert (report.trials[0].value, report.trials[0].understood) == ("prompt", True)
    assert (calls, report.settings["content_style"]) == (LEAST_CALLS, "parts")


async def test_images_inside_the_answer_are_measured_as_well() -> None:
    report, _ = await probe(deliver="markdown_data", size_style="aspect_ratio")
    assert report.settings["size_style"] == "aspect_ratio"


@pytest.mark.parametrize("fail", ["401", "502"])
async def test_a_channel_that_does_not_work_ends_after_one_call(fail: str) -> None:
    with pytest.raises(DarkroomError, match="The first call made no image"):
        await probe(fail=fail)
