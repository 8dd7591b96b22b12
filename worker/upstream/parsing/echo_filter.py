"""Parts of an answer that only repeat the question or think aloud; they are never results."""

import json
import re
from dataclasses import dataclass
from typing import Any

from worker.upstream.matching import word_set

_LANGUAGE = re.compile(
    r"[ \t]*([a-z][\w+-]{0,20})?[ \t]*(?:\r?\n|(?=[{\[<]))|[ \t]*(think(?:ing)?|reasoning)\b", re.IGNORECASE
)
_ECHOING = frozenset({"prompt", "ratio", "n", "size", "gen_id", "aspect_ratio", "referenced_image_ids"})
_RESULTS = word_set("data url urls b64_json output result choices error video_url")
_THINKING = word_set("think thinking reasoning")
_OPENING = re.compile(r"<(?:think|thinking|reasoning|thought)\b[^<>]{0,80}>", re.IGNORECASE)
_CLOSING = re.compile(r"</(?:think|thinking|reasoning|thought)\s*>", re.IGNORECASE)
#: the beginning of a prompt that is written as JSON, but not well enough to be read
_LOOSE_ECHO = re.compile(
    r"\{\s{0,64}[\"'“]?(?:prompt|ratio|size|n|aspect_ratio|gen_id)[\"'”]?\s{0,64}[:：]", re.IGNORECASE
)
_BRACE = re.compile(r"[{}]")
_BRACE_AT_END = re.compile(r"\}[ \t]{0,64}(?:\r?\n|$|```)")
_MARKS = ("```", "{", "[", "<")
_ATTEMPTS = 20  #: texts with more broken JSON than this are not JSON
_LONGEST_ECHO = 65_536  #: characters
_MOST_MARKS = 10_000  #: more are no prose
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class FilteredText:
    """A text without its echoes: what remains, the JSON values found in it, and what was thought aloud."""

    text: str
    values: tuple[Any, ...] = ()
    thoughts: str = ""


def strip_echoes(text: str) -> FilteredText:
    """Take prompt echoes, thinking and JSON blocks out of a text.

    JSON that carries results rather than a prompt is returned as ``values``, for a closer look.
    """
    return _EchoFilter(text).strip()


def is_echo(value: object) -> bool:
    """Tell whether a JSON value repeats the request instead of answering it."""
    return isinstance(value, dict) and bool(_ECHOING & value.keys()) and not _RESULTS & value.keys()


class _EchoFilter:
    """Jumps from mark to mark with plain searches: megabytes of picture between them cost nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._kept: list[str] = []
        self._values: list[Any] = []
        self._thoughts: list[str] = []
        self._next = {mark: self._find(mark, 0) for mark in _MARKS}
        self._attempts = 0
        self._end = 0  # of the last echo or fence mark

    def strip(self) -> FilteredText:
        if max(self._next.values()) < 0:
            return FilteredText(self._text)
        position = kept = self._end = self._end_of_thinking()
        for _ in range(_MOST_MARKS):
            if (found := self._next_mark(position)) is None:
                break
            start, mark = found
            end = self._read(mark, start)
            if end is None:
                position = start + len(mark)
                continue
            self._kept.append(self._text[kept:start])
            position = kept = self._end = end
        self._kept.append(self._text[kept:])
        return FilteredText("".join(self._kept), tuple(self._values), "".join(self._thoughts))

    def _find(self, mark: str, position: int) -> int:
        if mark != "<":
            return self._text.find(mark, position)
        opening = _OPENING.search(self._text, position)
        return opening.start() if opening else -1

    def _end_of_thinking(self) -> int:
        """Return where thinking ends whose beginning was swallowed on the way; 0 if there is none."""
        closing = _CLOSING.search(self._text)
        if closing is None or 0 <= self._next["<"] < closing.start():
            return 0
        self._thoughts.append(self._text[: closing.start()])
        return closing.end()

    def _next_mark(self, position: int) -> tuple[int, str] | None:
        for mark, found in self._next.items():
            if 0 <= found < position:
                self._next[mark] = self._find(mark, position)
        return min(((found, mark) for mark, found in self._next.items() if found >= 0), default=None)

    def _read(self, mark: str, start: int) -> int | None:
        """Return where the echo that ``mark`` opens ends; ``None`` if it is none."""
        if mark == "```":
            return self._read_fence(start)
        return self._read_thinking(start) if mark == "<" else self._read_json(start)

    def _read_thinking(self, start: int) -> int:
        opening, closing = _OPENING.match(self._text, start), _CLOSING.search(self._text, start)
        begin = opening.end() if opening else start
        self._thoughts.append(self._text[begin : closing.start() if closing else None])
        return closing.end() if closing else len(self._text)

    def _read_fence(self, start: int) -> int:
        """Take a whole fence of thoughts; of others only the mark goes, and JSON in it is read next."""
        language = _LANGUAGE.match(self._text, start + 3)
        name = (language[1] or language[2] or "").lower() if language else ""
        body = language.end() if language else start + 3
        if name not in _THINKING:
            return body
        stop = self._text.find("```", body)
        self._thoughts.append(self._text[body : stop if stop >= 0 else None])
        return stop + 3 if stop >= 0 else len(self._text)

    def _read_json(self, start: int) -> int | None:
        """Read the JSON that begins a line, or follows an echo; anything else stays text."""
        line = max(self._text.rfind("\n", max(0, start - 64), start) + 1, start - 64, self._end)
        if self._text[line:start].strip(" \t>") or self._attempts >= _ATTEMPTS:
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
        """Return where a prompt ends that is no good JSON: with its braces, or the line that closes it."""
        if not _LOOSE_ECHO.match(self._text, start):
            return None
        depth = 0
        for brace in _BRACE.finditer(self._text, start, start + _LONGEST_ECHO):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                return brace.end()
        closing = _BRACE_AT_END.search(self._text, start, start + _LONGEST_ECHO)
        return closing.start() + 1 if closing else len(self._text)
