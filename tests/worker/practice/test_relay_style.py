"""A relay of one style reads a request in one place alone."""

from typing import Any

import pytest

from models.channels import ContentStyle
from models.errors import InvalidRequest
from worker.practice.relay_style import ANY_STYLE, RelayStyle, check_content, repeated_image, requested_number

URL, DATA = "https://a.example/1.png", "data:image/png;base64,AA"
PROMPT = "Repeat the given picture"
TEXT = {"type": "text", "text": PROMPT}


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def body(content: Any, **members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **members}


REQUESTS = {
    "parts": body([TEXT, picture(URL)]),
    "inlined": body([TEXT, picture(DATA)]),
    "images_first": body([picture(URL), TEXT]),
    "member": body(PROMPT, image=[URL]),
    "string": body(f"{URL} {PROMPT}"),
}


def read(style: RelayStyle) -> set[str]:
    """Return the requests of which the style reads the input image."""
    prompts = {"string": f"{URL} {PROMPT}"}
    return {
        name for name, given in REQUESTS.items() if repeated_image(given, prompts.get(name, PROMPT), style)
    }


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (ANY_STYLE, set(REQUESTS)),
        (RelayStyle(content="string"), {"string"}),
        (RelayStyle(content="parts"), {"parts", "inlined", "images_first"}),
        (RelayStyle(content="images_first"), {"images_first"}),
        (RelayStyle(images="inlined"), {"inlined"}),
        (RelayStyle(images="member"), {"member"}),
        (RelayStyle(images="parts"), {"parts", "inlined", "images_first"}),
    ],
)
def test_an_input_image_is_read_where_the_style_says(style: RelayStyle, expected: set[str]) -> None:
    assert read(style) == expected


def test_an_input_image_is_repeated_only_if_the_prompt_asks_for_it() -> None:
    assert repeated_image(REQUESTS["parts"], "a cat", ANY_STYLE) is None


@pytest.mark.parametrize(("style", "content"), [("string", [TEXT]), ("parts", PROMPT)])
def test_content_of_another_form_is_refused(style: ContentStyle, content: Any) -> None:
    with pytest.raises(InvalidRequest, match="messages"):
        check_content(body(content)["messages"], style)
    check_content(body(content)["messages"], None)


def test_the_number_of_images_is_read_where_the_style_says() -> None:
    assert requested_number({"n": 3}, "a cat", None) == 3
    assert requested_number({"n": 3}, "a cat (2 separate images)", "prompt") == 2
    assert requested_number({"n": 3}, "a cat (2 separate images)", "calls") == 1
