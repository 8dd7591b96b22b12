"""Echo filter: remove echoed prompts and reasoning from a text; they are never results."""

import json
import re
from dataclasses import dataclass
from typing import Any

from worker.upstream.matching import word_set

_LANGUAGE = re.compile(
    r"[ \t]*([a-z][\w+-]{0,20})?[ \t]*(?:\r?\n|(?=[{\[<]))|[ \t]*(think(?:ing)?|reasoning)\b", re.IGNORECASE
)
_REQUEST_FIELDS = frozenset(
    {"prompt", "ratio", "n", "size", "gen_id", "aspect_ratio", "referenced_image_ids"}
)
_RESULT_FIELDS = word_set("data url urls b64_json output result choices error video_url")
_REASONING_LANGUAGES = word_set("think thinking reasoning")
_TAG = r"<(?:think|thinking|reasoning|thought)\b[^<>]{0,80}>"
_OPENING_TAG = re.compile(_TAG, re.IGNORECASE)
#: what may open an echo: a fence, JSON, or reasoning
_MARK = re.compile(rf"```|\{{|\[|{_TAG}", re.IGNORECASE)
_CLOSING_TAG = re.compile(r"</(?:think|thinking|reasoning|thought)\s*>", re.IGNORECASE)
#: the start of an echoed prompt in malformed JSON
_LOOSE_ECHO = re.compile(
    r"\{\s{0,64}[\"'“]?(?:prompt|ratio|size|n|aspect_ratio|gen_id)[\"'”]?\s{0,64}[:：]", re.IGNORECASE
)
_BRACE = re.compile(r"[{}]")
_BRACE_AT_END = re.compile(r"\}[ \t]{0,64}(?:\r?\n|$|```)")
_MAX_ATTEMPTS = 20  #: to parse JSON; a text with more malformed JSON is not JSON
_MAX_ECHO = 65_536  #: characters
_MAX_MARKS = 10_000  #: per text
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class FilteredText:
    """A text without echoes: what remains, the JSON values found in it, and the reasoning."""

    text: str
    values: tuple[Any, ...] = ()
    reasoning: str = ""


def strip_echoes(text: str) -> FilteredText:
    """Remove echoed prompts, reasoning and JSON blocks from a text.

    JSON that carries results instead of a prompt is returned as ``values``.
    """
    return _EchoFilter(text).strip()


def is_echo(value: object) -> bool:
    """Return whether a JSON value repeats the request instead of answering it."""
    return (
        isinstance(value, dict) and bool(_REQUEST_FIELDS & value.keys()) and not _RESULT_FIELDS & value.keys()
    )


class _EchoFilter:
    """Scans from mark to mark: the base64 between them is searched for their first characters only."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts: list[str] = []
        self._values: list[Any] = []
        self._reasoning: list[str] = []
        self._attempts = 0
        self._end = 0  # of the last echo or fence mark

    def strip(self) -> FilteredText:
        self._end = self._end_of_unopened_reasoning() if "</" in self._text else 0
        position = copied = self._end
        for _ in range(_MAX_MARKS):
            if (mark := _MARK.search(self._text, position)) is None:
                break
            end = self._read(mark)
            if end is None:
                position = mark.end()
                continue
            self._parts.append(self._text[copied : mark.start()])
            position = copied = self._end = end
        self._parts.append(self._text[copied:])
        return FilteredText("".join(self._parts), tuple(self._values), "".join(self._reasoning))

    def _end_of_unopened_reasoning(self) -> int:
        """Return the end of reasoning whose opening tag is missing; 0 if there is none."""
        closing = _CLOSING_TAG.search(self._text)
        if closing is None or _OPENING_TAG.search(self._text, 0, closing.start()):
            return 0
        self._reasoning.append(self._text[: closing.start()])
        return closing.end()

    def _read(self, mark: re.Match[str]) -> int | None:
        """Return the end of the echo that ``mark`` opens; ``None`` if it is not an echo."""
        if mark[0] == "```":
            return self._read_fence(mark.start())
        return self._read_json(mark.start()) if mark[0] in ("{", "[") else self._read_reasoning(mark.end())

    def _read_reasoning(self, start: int) -> int:
        closing = _CLOSING_TAG.search(self._text, start)
        self._reasoning.append(self._text[start : closing.start() if closing else None])
        return closing.end() if closing else len(self._text)

    def _read_fence(self, start: int) -> int:
        """Remove a fence of reasoning; of other fences only the mark, so that JSON in them is read."""
        language = _LANGUAGE.match(self._text, start + 3)
        name = (language[1] or language[2] or "").lower() if language else ""
        body = language.end() if language else start + 3
        if name not in _REASONING_LANGUAGES:
            return body
        stop = self._text.find("```", body)
        self._reasoning.append(self._text[body : stop if stop >= 0 else None])
        return stop + 3 if stop >= 0 else len(self._text)

    def _read_json(self, start: int) -> int | None:
        """Read JSON at the start of a line or after an echo; anything else stays text."""
        line = max(self._text.rfind("\n", max(0, start - 64), start) + 1, start - 64, self._end)
        if self._text[line:start].strip(" \t>") or self._attempts >= _MAX_ATTEMPTS:
            return None
        try:
            value, end = _DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            self._attempts += 1
            return self._end_of_loose_echo(start)
        if not isinstance(value, dict) and not (value and isinstance(value[0], dict)):
            return None
        if not is_echo(value):
            self._values.append(value)
        return end

    def _end_of_loose_echo(self, start: int) -> int | None:
        """Return the end of an echoed prompt in malformed JSON: its last brace, or its closing line."""
        if not _LOOSE_ECHO.match(self._text, start):
            return None
        depth = 0
        for brace in _BRACE.finditer(self._text, start, start + _MAX_ECHO):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                return brace.end()
        closing = _BRACE_AT_END.search(self._text, start, start + _MAX_ECHO)
        return closing.start() + 1 if closing else len(self._text)
