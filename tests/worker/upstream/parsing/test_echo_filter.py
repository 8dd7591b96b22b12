"""Echoed prompts and reasoning are removed; JSON with results is not an echo."""
# ruff: noqa: E501 - a table of answers is read row by row

import pytest

from tests.worker.upstream.answers import Expected, image_urls, listed, text_answer
from worker.upstream.parsing.echo_filter import is_echo, strip_echoes

A, B, C = (
    "https://img.example.com/o/a.png",
    "https://img.example.com/o/b.webp",
    "https://img.example.com/o/c.jpg",
)
BARE = "https://img.example.com/files/9f8e"  # nothing in it says that it is a picture


def rows(table: dict[str, tuple[str, Expected]]) -> list[object]:
    return [pytest.param(*row, id=title) for title, row in table.items()]


ECHOES: dict[str, tuple[str, Expected]] = {
    "JSON before the result": (f'{{"prompt":"cat, see {B}","ratio":"1:1"}}\n\n![a]({A})', [A]),
    "a fenced prompt without a name": (f'```\n{{"prompt":"x","image":"{B}"}}\n```\n![a]({A})', [A]),
    "a prompt over raw lines": (f'{{"prompt":"one\ntwo {B}","size":"1x1"}}\n![a]({A})', [A]),
    "a prompt in loose JSON": (f"{{'prompt': 'cat', 'image_url': '{B}',}}\n![a]({A})", [A]),
    "a prompt with unescaped quotes": (f'{{"prompt":"a "big" cat {B}","n":1}}\n![a]({A})', [A]),
    "a prompt in loose JSON in a fence": (f"```json\n{{prompt: 'cat', image: '{B}',}}\n```\n![a]({A})", [A]),
    "a prompt that does not end": (f'{{"prompt":"cat","image_url":"{B}","si', []),
    "several prompts": (f'{{"prompt":"{B}"}}\n{{"prompt":"{C}"}}\n![a]({A})', [A]),
    "a quoted prompt": (f'> {{"prompt":"{B}"}}\n\n![a]({A})', [A]),
    "thinking": (f"<think>maybe ![x]({B})</think>![a]({A})", [A]),
    "thinking with an attribute": (f'<think time="3">![x]({B})</think>![a]({A})', [A]),
    "thinking without its beginning": (f"maybe {B}\n</think>\n\n![a]({A})", [A]),
    "a think fence": (f"```think\n![x]({B})\n```\n![a]({A})", [A]),
    "upper-case thinking": (f"<THINK>{B}</THINK>\n![a]({A})", [A]),
    "JSON that is the answer": (f'{{"data":[{{"url":"{BARE}"}}]}}', [BARE]),
    "fenced JSON that is the answer": (f'Done:\n```json\n{{"images":[{{"url":"{BARE}"}}]}}\n```', [BARE]),
    "JSON with prompt and result": (f'{{"prompt":"cat","url":"{BARE}"}}', [BARE]),
    "JSON list of addresses": (f'["{A}","{B}"]', [A, B]),
    "JSON list of parts": (f'[{{"type":"text","text":"ok"}},{{"type":"image_url","image_url":{{"url":"{BARE}"}}}}]', [BARE]),
    "JSON inside JSON text": (f'{{"data":"{{\\"url\\":\\"{A}\\"}}"}}', [A]),
    "loose JSON that is the answer": (f"{{'url': '{A}',}}", [A]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), rows(ECHOES))
def test_images_beside_echoes(text: str, expected: Expected) -> None:
    assert image_urls(text_answer(text)) == listed(expected)


def test_text_reasoning_and_values_are_separated() -> None:
    filtered = strip_echoes('{"prompt": "cat"}\n<think>hmm</think>Done: \n{"url": "https://h.co/x"}\nBye')
    assert filtered.text == "\nDone: \n\nBye"
    assert filtered.reasoning == "hmm"
    assert filtered.values == ({"url": "https://h.co/x"},)


@pytest.mark.parametrize(
    ("value", "echo"),
    [
        ({"prompt": "a"}, True),
        ({"prompt": "a", "url": "b"}, False),
        ({"a": 1}, False),
        ([], False),
        ("prompt", False),
    ],
)
def test_a_json_value_with_request_members_and_no_result_is_an_echo(value: object, echo: bool) -> None:
    assert is_echo(value) is echo
