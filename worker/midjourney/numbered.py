"""Prompts in a model's words: a numbered list, however it is numbered, and what stands around it."""

import re

_MARK = re.compile(
    r"^[ \t>#*_`]*(?:(?:prompt|option|version|提示词?)[ \t#]*)?"
    r"(?:\d{1,2}[ \t]*(?:[.)、:：．]|\ufe0f?\u20e3)|[①②③④⑤⑥⑦⑧⑨])(?![\d])[ \t*_`:：]*",
    re.IGNORECASE | re.MULTILINE,
)
_BULLET = re.compile(r"^[ \t>]*[-*•][ \t]+", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_DRESS = " \t\r\n*_`\"'“”「」"
_LONGEST = 4000  # characters of one prompt


def numbered_prompts(text: str, most: int) -> list[str]:
    """Return the prompts of a numbered list, or of a bulleted one; a text without either is one prompt."""
    text = text.replace("\r\n", "\n").strip()
    found = _items(text, _MARK) or _items(text, _BULLET) or [_plain(text)]
    return [prompt for prompt in found if prompt][:most]


def before_the_list(text: str) -> str:
    """Return what stands before the first numbered line."""
    first = _MARK.search(text)
    return text[: first.start()].strip() if first else ""


def _items(text: str, mark: re.Pattern[str]) -> list[str]:
    starts = list(mark.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)][: len(starts)]
    pieces = (text[start.end() : end].strip() for start, end in zip(starts, ends, strict=True))
    return [prompt for piece in pieces if (prompt := _first_paragraph(piece))]


def _first_paragraph(piece: str) -> str:
    """Return an item without the remarks that may follow it after a blank line."""
    return _plain(_BLANK_LINE.split(piece, maxsplit=1)[0])


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(_DRESS)[:_LONGEST]
