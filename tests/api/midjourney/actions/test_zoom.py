"""Zoom, pan and make square: the picture goes to the model on a larger canvas."""

import pytest

from api.midjourney.actions.zoom import nearest_ratio, pan_margins, parse_zoom, reshape_margins, zoom_margins
from api.midjourney.responses import SubmitError
from models.midjourney.custom_ids import Verb
from tests.api.midjourney.actions_support import opened, press_and_complete, press_button, sent, single
from tests.api.midjourney.stack import MidjourneyStack


async def test_the_image_is_sent_on_a_larger_canvas(stack: MidjourneyStack) -> None:
    parent = await single(stack)  # the practice picture is one pixel
    for part, action, size in (
        ("Outpaint::50", "ZOOM", (2, 2)),
        ("Outpaint::75", "ZOOM", (2, 2)),
        ("Outpaint::100", "ZOOM", (1, 1)),
        ("pan_left", "PAN", (2, 1)),
        ("pan_up", "PAN", (1, 2)),
    ):
        task = await press_and_complete(stack, parent, part)
        assert (task["action"], task["status"], len(task["imageUrls"])) == (action, "SUCCESS", 4)
        request = await sent(stack, task["id"])
        assert opened(request.images[0]).size == size, part
        assert "grey margin" in request.prompt


def test_margins_never_crop_the_image() -> None:
    assert zoom_margins(2) == {"left": 0.5, "right": 0.5, "top": 0.5, "bottom": 0.5}
    assert pan_margins(Verb.PAN_RIGHT) == {"right": 0.5}
    assert reshape_margins(300, 100, 1.0) == {"left": 0.0, "right": 0.0, "top": 1.0, "bottom": 1.0}
    assert reshape_margins(100, 100, 2.0, factor=1.5) == {
        "left": 1.0,
        "right": 1.0,
        "top": 0.25,
        "bottom": 0.25,
    }


def test_the_new_size_is_the_nearest_common_ratio() -> None:
    assert nearest_ratio(1000, 1000, pan_margins(Verb.PAN_LEFT)) == "3:2"
    assert nearest_ratio(1365, 768, zoom_margins(2)) == "16:9"
    assert nearest_ratio(1536, 1024, reshape_margins(1536, 1024, 1.0)) == "1:1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat --zoom 1.5", (1.5, "a cat")),
        ("a cat --zoom=2 --ar 3:2", (2.0, "a cat --ar 3:2")),
        ("a cat", (2.0, "a cat")),
        ("a cat --zoom 2 --ar 3:2 --zoom 1.5", (1.5, "a cat --ar 3:2")),
    ],
)
def test_the_zoom_factor_is_parsed_from_the_prompt(text: str, expected: tuple[float, str]) -> None:
    assert parse_zoom(text) == expected


@pytest.mark.parametrize(
    "text", ["--zoom 3", "--zoom 0.5", "--zoom", "--zoom nan", "--zoom 1e9", "--zoom ２"]
)
def test_other_factors_are_refused(text: str) -> None:
    with pytest.raises(SubmitError, match="from 1 to 2"):
        parse_zoom(text)


async def test_custom_zoom_waits_for_its_dialog(each_stack: MidjourneyStack) -> None:
    parent = await single(each_stack, prompt="a cat")
    envelope = await press_button(each_stack, parent, "CustomZoom", state="mine")
    assert (envelope["code"], envelope["properties"]["finalPrompt"]) == (21, "a cat --zoom 2")
    number = envelope["result"]
    waiting = await each_stack.fetch(number)
    assert (waiting["status"], waiting["action"], waiting["state"]) == ("MODAL", "ZOOM", "mine")

    refused = await each_stack.submit("modal", taskId=number, prompt="a cat --zoom 9")
    assert (refused["code"], refused["result"]) == (4, None)
    envelope = await each_stack.submit("modal", taskId=number, prompt="a dog --zoom 1.5 --ar 2:1")
    assert (envelope["code"], envelope["result"]) == (1, number)
    await each_stack.work()
    task = await each_stack.fetch(number)
    assert (task["status"], task["state"], len(task["imageUrls"])) == ("SUCCESS", "mine", 4)
    request = await sent(each_stack, number)
    assert "a dog" in request.prompt
    assert "--" not in request.prompt
    assert opened(request.images[0]).size == (3, 2)
    again = await each_stack.submit("modal", taskId=number)
    assert (again["code"], again["result"]) == (4, None)


async def test_a_chain_of_custom_zooms_does_not_grow(stack: MidjourneyStack) -> None:
    parent = await single(stack, prompt="a cat --ar 3:2")
    for _ in range(3):
        envelope = await press_button(stack, parent, "CustomZoom")
        assert envelope["properties"]["finalPrompt"] == "a cat --ar 3:2 --zoom 2"
        await stack.submit("modal", taskId=envelope["result"])
        await stack.work()
        zoomed_out = await stack.fetch(envelope["result"])
        assert "--" not in (await sent(stack, zoomed_out["id"])).prompt
        parent = await press_and_complete(stack, zoomed_out, ":upsample::1")
