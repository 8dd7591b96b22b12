"""Parts of an answer that only repeat the question or think aloud; they are never results."""

import json
import re
from dataclasses import dataclass
from typing import Any

from worker.upstream.words import words

_LANGUAGE = re.compile(r"[ \t]*([\w+-]*)[ \t]*\n?")
_ECHOING = frozenset({"prompt", "ratio", "n", "size", "gen_id", "aspect_ratio", "referenced_image_ids"})
_RESULTS = words("data url urls b64_json output result choices error video_url")
_THINKING = ("<think>", "<thinking>", "<reasoning>")
_MARKS = ("```", "{", "[", *_THINKING)
_ATTEMPTS = 20  #: texts with more broken JSON than this are not JSON
_MOST_MARKS = 10_000  #: more are no prose
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text without its echoes: what remains, the JSON values found in it, and what was thought aloud."""

    text: str
    values: tuple[Any, ...] = ()
    thoughts: str = ""


def strip_echoes(text: str) -> Spoken:
    """Take prompt echoes, thinking and JSON blocks out of a text.

    JSON that carries results rather than a prompt is returned as ``values``, for a closer look.
    """
    return _Stripper(text).strip()


def is_echo(value: object) -> bool:
    """Tell whether a JSON value repeats the request instead of answering it."""
    return isinstance(value, dict) and bool(_ECHOING & value.keys()) and not _RESULTS & value.keys()


class _Stripper:
    """Jumps from mark to mark with plain searches: megabytes of picture between them cost nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._kept: list[str] = []
        self._values: list[Any] = []
        self._thoughts: list[str] = []
        self._next = {mark: text.find(mark) for mark in _MARKS}
        self._attempts = 0

    def strip(self) -> Spoken:
        if max(self._next.values()) < 0:
            return Spoken(self._text)
        position = kept = 0
        for _ in range(_MOST_MARKS):
            if (found := self._next_mark(position)) is None:
                break
            start, mark = found
            end = self._read(mark, start)
            if end is None:
                position = start + len(mark)
                continue
            self._kept.append(self._text[kept:start])
            position = kept = end
        self._kept.append(self._text[kept:])
        return Spoken("".join(self._kept), tuple(self._values), "".join(self._thoughts))

    def _next_mark(self, position: int) -> tuple[int, str] | None:
        for mark, found in self._next.items():
            if 0 <= found < position:
                self._next[mark] = self._text.find(mark, position)
        return min(((found, mark) for mark, found in self._next.items() if found >= 0), default=None)

    def _read(self, mark: str, start: int) -> int | None:
        """Return where the echo that ``mark`` opens ends; ``None`` if it is none."""
        if mark == "```":
            return self._read_fence(start)
        return self._read_json(start) if mark in ("{", "[") else self._read_thinking(mark, start)

    def _read_thinking(self, mark: str, start: int) -> int:
        closing = "</" + mark[1:]
        stop = self._text.find(closing, start)
        self._thoughts.append(self._text[start + len(mark) : stop if stop >= 0 else None])
        return stop + len(closing) if stop >= 0 else len(self._text)

    def _read_fence(self, start: int) -> int:
        language = _LANGUAGE.match(self._text, start + 3)
        name, body = (language[1].lower(), language.end()) if language else ("", start + 3)
        stop = self._text.find("```", body)
        after = stop + 3 if stop >= 0 else len(self._text)
        content = self._text[body : stop if stop >= 0 else None]
        if name in ("think", "thinking", "reasoning"):
            self._thoughts.append(content)
        elif content.lstrip()[:1] in ("{", "[") and (value := _parse(content)) is not None:
            self._keep(value)
        elif name != "json":
            return body  # ```html, ```markdown: only the fence goes
        return after

    def _read_json(self, start: int) -> int | None:
        """Read the JSON that begins a line; anything else stays text."""
        line = self._text.rfind("\n", max(0, start - 64), start) + 1
        if self._text[max(line, start - 64) : start].strip(" \t>") or self._attempts >= _ATTEMPTS:
            return None
        try:
            value, end = _DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError):
            self._attempts += 1
            return None
        if not isinstance(value, dict) and not (value and isinstance(value[0], dict)):
            return None
        self._keep(value)
        return end

    def _keep(self, value: Any) -> None:
        if not is_echo(value):
            self._values.append(value)


def _parse(content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
