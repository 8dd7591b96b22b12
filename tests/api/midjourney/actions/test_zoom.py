"""Zoom, pan and make square: the picture goes to the model on a larger canvas."""

import pytest

from api.midjourney.actions.zoom import panned, ratio_of, read_zoom, reshaped, zoomed
from api.midjourney.responses import SubmitError
from models.midjourney.custom_ids import Verb
from tests.api.midjourney.asking import custom_id, opened, press, pressed, sent, single
from tests.api.midjourney.studio import Studio


async def test_the_picture_is_sent_on_a_larger_canvas(studio: Studio) -> None:
    parent = await single(studio)  # the practice picture is one pixel
    for part, action, size in (
        ("Outpaint::50", "ZOOM", (2, 2)),
        ("Outpaint::75", "ZOOM", (2, 2)),
        ("Outpaint::100", "ZOOM", (1, 1)),
        ("pan_left", "PAN", (2, 1)),
        ("pan_up", "PAN", (1, 2)),
    ):
        task = await pressed(studio, parent, part)
        assert (task["action"], task["status"], len(task["imageUrls"])) == (action, "SUCCESS", 4)
        request = await sent(studio, task["id"])
        assert opened(request.images[0]).size == size, part
        assert "grey margin" in request.prompt


def test_margins_keep_the_picture_whole() -> None:
    assert zoomed(2) == {"left": 0.5, "right": 0.5, "top": 0.5, "bottom": 0.5}
    assert panned(Verb.PAN_RIGHT) == {"right": 0.5}
    assert reshaped(300, 100, 1.0) == {"left": 0.0, "right": 0.0, "top": 1.0, "bottom": 1.0}
    assert reshaped(100, 100, 2.0, factor=1.5) == {"left": 1.0, "right": 1.0, "top": 0.25, "bottom": 0.25}


def test_the_new_shape_is_one_that_models_know() -> None:
    assert ratio_of(1000, 1000, panned(Verb.PAN_LEFT)) == "3:2"
    assert ratio_of(1365, 768, zoomed(2)) == "16:9"
    assert ratio_of(1536, 1024, reshaped(1536, 1024, 1.0)) == "1:1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat --zoom 1.5", (1.5, "a cat")),
        ("a cat --zoom=2 --ar 3:2", (2.0, "a cat --ar 3:2")),
        ("a cat", (2.0, "a cat")),
        ("a cat --zoom 2 --ar 3:2 --zoom 1.5", (1.5, "a cat --ar 3:2")),
    ],
)
def test_the_dialogs_prompt_says_how_far(text: str, expected: tuple[float, str]) -> None:
    assert read_zoom(text) == expected


@pytest.mark.parametrize(
    "text", ["--zoom 3", "--zoom 0.5", "--zoom", "--zoom nan", "--zoom 1e9", "--zoom ２"]
)
def test_other_factors_are_refused(text: str) -> None:
    with pytest.raises(SubmitError, match="from 1 to 2"):
        read_zoom(text)


async def test_custom_zoom_waits_for_its_dialog(each_studio: Studio) -> None:
    parent = await single(each_studio, prompt="a cat")
    envelope = await press(each_studio, parent, "CustomZoom", state="mine")
    assert (envelope["code"], envelope["properties"]["finalPrompt"]) == (21, "a cat --zoom 2")
    number = envelope["result"]
    waiting = await each_studio.fetch(number)
    assert (waiting["status"], waiting["action"], waiting["state"]) == ("MODAL", "ZOOM", "mine")

    refused = await each_studio.submit("modal", taskId=number, prompt="a cat --zoom 9")
    assert (refused["code"], refused["result"]) == (4, None)
    envelope = await each_studio.submit("modal", taskId=number, prompt="a dog --zoom 1.5 --ar 2:1")
    assert (envelope["code"], envelope["result"]) == (1, number)
    await each_studio.develop()
    task = await each_studio.fetch(number)
    assert (task["status"], task["state"], len(task["imageUrls"])) == ("SUCCESS", "mine", 4)
    request = await sent(each_studio, number)
    assert "a dog" in request.prompt
    assert "--" not in request.prompt
    assert opened(request.images[0]).size == (3, 2)
    again = await each_studio.submit("modal", taskId=number)
    assert (again["code"], again["result"]) == (4, None)


async def test_a_chain_of_custom_zooms_does_not_grow(studio: Studio) -> None:
    parent = await single(studio, prompt="a cat --ar 3:2")
    for _ in range(3):
        envelope = await press(studio, parent, "CustomZoom")
        assert envelope["properties"]["finalPrompt"] == "a cat --ar 3:2 --zoom 2"
        await studio.submit("modal", taskId=envelope["result"])
        await studio.develop()
        zoomed_out = await studio.fetch(envelope["result"])
        assert "--" not in (await sent(studio, zoomed_out["id"])).prompt
        parent = await pressed(studio, zoomed_out, ":upsample::1")


async def test_a_remix_waits_only_if_the_client_asks_for_it(studio: Studio) -> None:
    parent = await studio.done("imagine", prompt="a cat")
    envelope = await press(studio, parent, ":variation::1", enableRemix=True)
    assert (envelope["code"], envelope["properties"]["remix"]) == (21, True)
    number = envelope["result"]
    assert (await studio.submit("modal", taskId=number, prompt="a dog"))["code"] == 1
    await studio.develop()
    assert (await studio.fetch(number))["prompt"] == "a dog"
    assert "a dog" in (await sent(studio, number)).prompt
    assert custom_id(await studio.fetch(number), ":upsample::1")


async def test_flags_of_a_dialogs_prompt_are_understood(studio: Studio) -> None:
    grid = await studio.done("imagine", prompt="a cat --ar 3:2")
    cases = {"a dog --no rain --ar 2:1 --v 7": "2:1", "a dog --no rain": "3:2"}
    for prompt, size in cases.items():
        number = (await press(studio, grid, ":variation::1", enableRemix=True))["result"]
        await studio.submit("modal", taskId=number, prompt=prompt)
        request = await sent(studio, number)
        assert request.prompt.endswith("a dog\nLeave out: rain.")
        assert request.size == size
        assert (await studio.fetch(number))["prompt"] == prompt


async def test_odd_prompts_pass_through_a_dialog(each_studio: Studio) -> None:
    parent = await single(each_studio, prompt="a cat")
    for prompt in ("a\x00cat", "🐈‍⬛ קטה שחורה", "x" * 50_000, "  "):
        number = (await press(each_studio, parent, "CustomZoom"))["result"]
        envelope = await each_studio.submit("modal", taskId=number, prompt=prompt)
        assert (envelope["code"] in (1, 22), envelope["result"]) in ((True, number), (False, None))
        assert (await each_studio.fetch(number))["status"] in ("NOT_START", "MODAL")
