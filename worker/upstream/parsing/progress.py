"""How far a picture is: percentages read from a text while it is still being written."""

import re
from collections.abc import Iterator

_ANCHOR = re.compile(r"(?:进度|progress)[^\w\n]{0,8}?(?=\[?\d)", re.IGNORECASE)
_NUMBER = re.compile(r"\*{0,2}\[?(\d{1,3}(?:\.\d+)?)(?!\d)")
_COMPLETE = re.compile(r"\.\.|…|[ \t]?[%％]|[*\[\](\r\n]")
_DOTS = re.compile(r"(?:[ \t]?[%％])?[*\])]{0,3}[ \t]*(?:\.\.|…)[.…]*[ \t]*(?=\*{0,2}\[?\d)")
_THINKING = re.compile(r"</?(?:think|thinking|reasoning)>", re.IGNORECASE)
_MARKS = re.compile(r"进度|rogress|ROGRESS|[`{<]")  #: of progress, and of what hides it
_LONGEST = 4096  #: characters; longer lines are pictures, not progress
_LONGEST_ECHO = 65536

Percent = int | float


class ProgressParser:
    """Reads percentages from text that arrives in pieces; reports only increases, never a guess.

    A number counts once what follows proves that it is complete: ``3`` may still become ``36``. Prompt echoes
    and thinking are left out. Work is done line by line, and never twice for a long one.
    """

    def __init__(self) -> None:
        self._highest: Percent = -1
        self._lines: dict[str, _Line] = {}

    def feed(self, text: str, *, source: str = "content") -> list[Percent]:
        """Take more text of one voice (content, reasoning: each flows on its own), return new percentages."""
        line = self._lines.setdefault(source, _Line())
        found: list[Percent] = []
        if "\n" in text and line.at_rest and not _MARKS.search(text):
            text = text[text.rindex("\n") + 1 :]  # whole lines of anything else need no look
        for piece in text.splitlines(keepends=True) if "\n" in text else (text,):
            for value in line.add(piece):
                found += self.add_value(value)
        return found

    def close(self) -> list[Percent]:
        """Take the end of a complete answer as the end of each number."""
        return [value for voice in tuple(self._lines) for value in self.feed("\n", source=voice)]

    def add_value(self, value: object) -> list[Percent]:
        """Take a percentage that was given as such (``33``, ``"45%"``)."""
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


class _Line:
    """The line being written, and whether it is inside an echo."""

    def __init__(self) -> None:
        self._text = ""
        self._skipped = False  # too long to be progress
        self._fenced = False
        self._thinking = False
        self._depth = 0  # of braces, in a JSON echo
        self._in_string = False
        self._echoed = 0  # characters of it

    @property
    def at_rest(self) -> bool:
        """Whether a new line begins, outside of any echo."""
        return not (self._text or self._skipped or self._fenced or self._thinking or self._depth)

    def add(self, piece: str) -> Iterator[float]:
        """Add text that ends with a line's end or has none, and yield the numbers that are proved by now."""
        if self._skipped or len(self._text) + len(piece) > _LONGEST:
            self._skipped = not piece.endswith("\n")
            self._text = ""
            return
        self._text += piece
        if piece.endswith("\n"):
            line, self._text = self._text, ""
            yield from find_percentages(self._visible(line))
        elif _speaks_of_progress(self._text) and not self._in_echo():
            yield from find_percentages(self._text.partition("<")[0])

    def _in_echo(self) -> bool:
        """Tell whether the line being written belongs to an echo, or may yet turn out to."""
        opens = self._text.lstrip(" \t>").startswith(("{", "`"))
        return opens or self._fenced or self._thinking or self._depth > 0

    def _visible(self, line: str) -> str:
        """Return what a whole line says outside echoes, and remember what it opens or closes."""
        stripped = line.strip(" \t>\r\n")
        if stripped.startswith("```"):
            self._fenced = not self._fenced and stripped.count("```") == 1
            return ""
        if self._fenced:
            return ""
        line = self._outside_thinking(line)
        if self._depth or line.lstrip(" \t>").startswith("{"):
            return self._outside_json(line)
        return line if _speaks_of_progress(line) else ""

    def _outside_thinking(self, line: str) -> str:
        kept, position = [], 0
        for mark in _THINKING.finditer(line):
            if not self._thinking:
                kept.append(line[position : mark.start()])
            self._thinking = not mark.group().startswith("</")
            position = mark.end()
        if not self._thinking:
            kept.append(line[position:])
        return "".join(kept)

    def _outside_json(self, line: str) -> str:
        self._echoed += len(line)
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
                    self._echoed = 0
                    return line[index + 1 :]
        if self._echoed > _LONGEST_ECHO:  # not JSON after all
            self._depth, self._in_string, self._echoed = 0, False, 0
        return ""


def _speaks_of_progress(line: str) -> bool:
    """Tell cheaply whether there is anything to look for: most long lines are base64."""
    return "进度" in line or "rogress" in line or "ROGRESS" in line


def find_percentages(line: str) -> Iterator[float]:
    """Yield the complete percentages that one line reports, in order."""
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
