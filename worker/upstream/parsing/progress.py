"""Progress parser: percentages from a text while it streams."""

import re
from collections.abc import Iterator

_ANCHOR = re.compile(r"(?:进度|progress)[^\w\n]{0,8}?(?=\[?\d)", re.IGNORECASE)
_NUMBER = re.compile(r"\*{0,2}\[?(\d{1,3}(?:\.\d+)?)(?!\d)")
_COMPLETE = re.compile(r"\.\.|…|[ \t]?[%％]|[*\[\](\r\n]")
_DOTS = re.compile(r"(?:[ \t]?[%％])?[*\])]{0,3}[ \t]*(?:\.\.|…)[.…]*[ \t]*(?=\*{0,2}\[?\d)")
_REASONING_TAG = re.compile(r"</?(?:think|thinking|reasoning)>", re.IGNORECASE)
_RELEVANT = re.compile(r"进度|rogress|ROGRESS|[`{<]")  #: progress, or the start of an echo
_MAX_LINE = 4096  #: characters; longer lines are base64, not progress
_MAX_ECHO = 65536

Percent = int | float


class ProgressParser:
    """Incremental parser of percentages; returns only increases, never a guess.

    A number counts once the text after it proves that it is complete: ``3`` may still become ``36``. Echoed
    prompts and reasoning are ignored. Lines are parsed one by one, and a long one only once.
    """

    def __init__(self) -> None:
        self._highest: Percent = -1
        self._lines: dict[str, _LineParser] = {}

    def feed(self, text: str, *, source: str = "content") -> list[Percent]:
        """Take the next text of one source (content or reasoning of a choice); return new percentages."""
        line = self._lines.setdefault(source, _LineParser())
        found: list[Percent] = []
        if "\n" in text and line.at_line_start and not _RELEVANT.search(text):
            text = text[text.rindex("\n") + 1 :]  # complete lines without progress need no parsing
        for part in text.splitlines(keepends=True) if "\n" in text else (text,):
            for value in line.feed(part):
                found += self.add_value(value)
        return found

    def close(self) -> list[Percent]:
        """Take the end of a complete answer; it completes the last number."""
        return [value for source in tuple(self._lines) for value in self.feed("\n", source=source)]

    def add_value(self, value: object) -> list[Percent]:
        """Take a percentage from a JSON member (``33``, ``"45%"``); return it if it is an increase."""
        if isinstance(value, str):
            text = value.strip().rstrip("%％ ")
            value = float(text) if re.fullmatch(r"\d{1,3}(\.\d{1,9})?", text, re.ASCII) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return []
        percent: Percent = min(max(value, 0), 100)
        if percent != percent or percent <= self._highest:
            return []
        self._highest = percent
        return [int(percent) if percent == int(percent) else percent]


class _LineParser:
    """The incomplete line of one source, and whether it is inside an echo."""

    def __init__(self) -> None:
        self._text = ""
        self._skipped = False  # the line is too long to be progress
        self._in_fence = False
        self._in_reasoning = False
        self._depth = 0  # of braces in echoed JSON
        self._in_string = False
        self._echo_length = 0  # characters of the echo so far

    @property
    def at_line_start(self) -> bool:
        """Whether a new line begins, outside any echo."""
        return not (self._text or self._skipped or self._in_fence or self._in_reasoning or self._depth)

    def feed(self, part: str) -> Iterator[float]:
        """Take text with at most one line end, at its end; yield the numbers that are complete."""
        if self._skipped or len(self._text) + len(part) > _MAX_LINE:
            self._skipped = not part.endswith("\n")
            self._text = ""
            return
        self._text += part
        if part.endswith("\n"):
            line, self._text = self._text, ""
            yield from find_percentages(self._visible(line))
        elif _mentions_progress(self._text) and not self._in_echo():
            yield from find_percentages(self._text.partition("<")[0])

    def _in_echo(self) -> bool:
        """Return whether the incomplete line belongs, or may belong, to an echo."""
        opens = self._text.lstrip(" \t>").startswith(("{", "`"))
        return opens or self._in_fence or self._in_reasoning or self._depth > 0

    def _visible(self, line: str) -> str:
        """Return a complete line without echoes; update the state that it opens or closes."""
        stripped = line.strip(" \t>\r\n")
        if stripped.startswith("```"):
            self._in_fence = not self._in_fence and stripped.count("```") == 1
            return ""
        if self._in_fence:
            return ""
        if "<" in line or self._in_reasoning:
            line = self._without_reasoning(line)
        if self._depth or line.lstrip(" \t>").startswith("{"):
            return self._without_json(line)
        return line if _mentions_progress(line) else ""

    def _without_reasoning(self, line: str) -> str:
        visible, position = [], 0
        for mark in _REASONING_TAG.finditer(line):
            if not self._in_reasoning:
                visible.append(line[position : mark.start()])
            self._in_reasoning = not mark.group().startswith("</")
            position = mark.end()
        if not self._in_reasoning:
            visible.append(line[position:])
        return "".join(visible)

    def _without_json(self, line: str) -> str:
        self._echo_length += len(line)
        escaped = False
        for index, sign in enumerate(line):
            if self._in_string:
                if sign == '"' and not escaped:
                    self._in_string = False
                escaped = sign == "\\" and not escaped
            elif sign == '"':
                self._in_string = self._depth > 0
            elif sign in "{}":
                self._depth += 1 if sign == "{" else -1
                if self._depth == 0:
                    self._echo_length = 0
                    return line[index + 1 :]
        if self._echo_length > _MAX_ECHO:  # not JSON after all
            self._depth, self._in_string, self._echo_length = 0, False, 0
        return ""


def _mentions_progress(line: str) -> bool:
    """Return whether a line mentions progress; a cheap check, as most long lines are base64."""
    return "进度" in line or "rogress" in line or "ROGRESS" in line


def find_percentages(line: str) -> Iterator[float]:
    """Yield the complete percentages of one line, in order."""
    for anchor in _ANCHOR.finditer(line):
        position = anchor.end()
        while match := _NUMBER.match(line, position):
            if not _COMPLETE.match(line, match.end()):
                break
            yield float(match[1])
            dots = _DOTS.match(line, match.end())
            if dots is None:
                break
            position = dots.end()
