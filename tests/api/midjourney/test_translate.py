"""Translation of a prompt into parameters, input images and sentences."""

import pytest

from api.midjourney.prompt import parse_prompt
from api.midjourney.translate import edit_parameters, image_parameters, mode_of, size_of_ratio
from models.midjourney.protocol import Mode
from tests.api.midjourney.stack import MidjourneyStack

A, B, C = "https://a.example/a.png", "http://b.example/b?x=1", "https://c.example/c.webp"


def test_references_become_input_images_with_a_sentence() -> None:
    parameters = image_parameters(parse_prompt(f"{A} a cat --sref {B} --cref {C}"))

    assert list(parameters.images) == [A, B, C]
    assert "style of reference picture 2" in parameters.text
    assert "same person as reference picture 3" in parameters.text


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("16:9", "16:9"), ("1024x1792", "4:7"), ("3/2", "3:2"), ("1.85:1", "37:20"), ("4:4", "1:1"),
        ("0:1", None), ("99999:1", None), (None, None),
    ],
)  # fmt: skip
def test_aspect_ratios_of_any_spelling_become_a_size(ratio: str | None, size: str | None) -> None:
    assert size_of_ratio(ratio) == size


async def test_flags_become_parameters_or_sentences_and_unknown_ones_stay(stack: MidjourneyStack) -> None:
    await stack.number(prompt="a cat --ar 16:9 --seed 7 --no dogs --foo bar --v 6")

    jobs = await stack.jobs()
    assert {job.prompt for job in jobs} == {"a cat --foo bar\nLeave out: dogs."}
    assert {job.request["size"] for job in jobs} == {"16:9"}
    assert sorted(job.request["params"]["seed"] for job in jobs) == [7, 8, 9, 10]


@pytest.mark.parametrize(
    ("prefix", "mode", "priority"),
    [("", "FAST", 5), ("/mj-relax", "RELAX", 3), ("/mj-turbo", "TURBO", 7), ("/mj-fast", "FAST", 5)],
)
async def test_the_prefix_sets_mode_and_priority(
    stack: MidjourneyStack, prefix: str, mode: str, priority: int
) -> None:
    envelope = await stack.submit("imagine", prefix=prefix, prompt="a cat", accountFilter={"instanceId": ""})

    assert (await stack.fetch(envelope["result"]))["mode"] == mode
    assert {job.priority for job in await stack.jobs()} == {priority}


@pytest.mark.parametrize(
    ("segment", "body", "flags", "mode"),
    [
        ("mj-relax", Mode.TURBO, {"fast": ""}, Mode.RELAX),
        ("mj", Mode.TURBO, {"fast": ""}, Mode.TURBO),
        ("", None, {"relax": ""}, Mode.RELAX),
        ("v1", None, {}, Mode.FAST),
    ],
)
def test_the_segment_outranks_the_body_and_the_body_the_flags(
    segment: str, body: Mode | None, flags: dict[str, str], mode: Mode
) -> None:
    assert mode_of(segment, body, flags) is mode


def test_an_edit_has_urls_in_its_text_and_no_input_images() -> None:
    parameters = edit_parameters(parse_prompt(f"{A} add a hat --sref {B} --ar 16:9"))
    assert (parameters.text, list(parameters.images), parameters.size) == (f"{A} add a hat", [], "16:9")
