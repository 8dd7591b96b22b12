"""Output: tables and text on a terminal, JSON lines otherwise; confirmation prompt."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from api.cli.render.ids import shown_ids
from worker.printable import printable, printable_json

_ELASTIC = frozenset(
    {"MODEL", "MODELS", "PROMPT", "DETAIL", "NAME", "CAMPAIGN", "CALLER", "REQUEST ID", "URL"}
    | {"EVENTS", "RESULT", "EXPECTED", "PER MINUTE", "PRICE", "SOURCE"}
)  # columns whose cells may be shortened
# characters of an elastic column that are worth a place; of others, _LEAST_WIDTH
_LEAST = {"REQUEST ID": 20, "PROMPT": 18, "DETAIL": 20, "URL": 30, "PER MINUTE": 12, "NAME": 30, "PRICE": 40}
_LEAST_WIDTH = 10
_IDS = frozenset({"ID", "JOB"})  # columns of ids, which a narrow terminal shows as unique beginnings
_FOLDED = frozenset({"REQUEST ID"})  # elastic columns that are broken into lines, not shortened
_GAP = 2  # spaces between columns
_STYLES = {
    "succeeded": "green",
    "failed": "red",
    "held": "yellow",
    "awaiting_input": "yellow",
    "cancelled": "dim",
    "expired": "dim",
    "ready": "green",
    "open": "green",
    "paused": "yellow",
    "draining": "yellow",
    "drained": "yellow",
    "cooling": "yellow",
    "half open": "yellow",
    "breaker open": "red",
    "tripped": "red",
    "unused": "dim",
    "stopped": "red",
    "revoked": "dim",
    "removed": "dim",
}


class SafeConsole(Console):
    """Console that shows control characters of printed texts as escapes; rich itself obeys most of them."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments; only those that rich makes to control the terminal keep their controls."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


def open_console(*, stderr: bool = False) -> SafeConsole:
    """Return the console of this process's standard output, or of its standard error."""
    return SafeConsole(highlight=False, stderr=stderr)


@dataclass(frozen=True, slots=True)
class Printer:
    """Prints a command's results: on the ``console`` for people, or as JSON lines for scripts."""

    console: Console
    as_json: bool

    def record(self, value: Mapping[str, Any], view: Any) -> None:
        """Print one result: as JSON, or as ``view``."""
        if self.as_json:
            write_json(value)
        else:
            self.console.print(view)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Iterable[tuple[Mapping[str, Any], Sequence[Any]]],
        *,
        optional: Sequence[str] = (),
    ) -> None:
        """Print many results, each given as its JSON and its cells; prints a note if there are none.

        On a narrow terminal ids become unique beginnings, which commands accept, long texts are shortened,
        and columns of ``optional`` are left out in this order until the others fit.
        """
        if self.as_json:
            for value, _ in rows:
                write_json(value)
            return
        found = {
            column: [_cell(cell, folded=column in _FOLDED) for cell in cells]
            for column, cells in zip(columns, zip(*(cells for _, cells in rows), strict=True), strict=False)
        }
        if not found:
            self.console.print(f"No {title}.", highlight=False)
            return
        drawn = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
        for column in (fitting := _fit(found, self.console.width, optional)):
            drawn.add_column(
                column, no_wrap=column not in _ELASTIC, overflow="fold" if column in _FOLDED else "ellipsis"
            )
        for cells in zip(*fitting.values(), strict=True):
            drawn.add_row(*cells)
        self.console.print(drawn, highlight=False)


Columns = Mapping[str, Sequence[Text]]


def _fit(columns: Columns, width: int, optional: Sequence[str]) -> Columns:
    """Return the columns that a width has room for, with ids as short as it needs."""
    if sum(map(_natural_width, columns.values())) + _GAP * len(columns) <= width:
        return columns  # nothing has to be shortened
    fitting = {name: cells for name, cells in columns.items() if any(cell.plain for cell in cells)}
    for name in fitting.keys() & _IDS:
        fitting[name] = [Text(short) for short in shown_ids([cell.plain for cell in fitting[name]])]
    for name in optional:
        if sum(_least_width(*column) + _GAP for column in fitting.items()) - _GAP <= width:
            break
        fitting.pop(name, None)
    return fitting


def _natural_width(cells: Sequence[Text]) -> int:
    return max(cell.cell_len for cell in cells)


def _least_width(name: str, cells: Sequence[Text]) -> int:
    """Return the characters that a column needs."""
    natural = max(len(name), _natural_width(cells))
    return min(natural, _LEAST.get(name, _LEAST_WIDTH)) if name in _ELASTIC else natural


def _cell(value: Any, *, folded: bool) -> Text:
    """Return a cell, on one line unless it may be folded; text is not interpreted as markup."""
    if isinstance(value, Text):
        return value
    return Text(str(value)) if folded else Text(str(value), no_wrap=True, overflow="ellipsis")


def printer(*, json: bool) -> Printer:
    """Return the printer for this process's standard output."""
    return Printer(open_console(), json or not sys.stdout.isatty())


def write_json(value: Mapping[str, Any]) -> None:
    """Write one line of JSON to standard output."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_UTC_Z, default=str).decode()
    except TypeError:  # a lone surrogate, of an argument that is not UTF-8
        text = json.dumps(value, default=str)
    sys.stdout.write(printable_json(text) + "\n")
    sys.stdout.flush()


def say(message: str) -> None:
    """Print a message that is not a result on stderr."""
    sys.stderr.write(f"{printable(message)}\n")
    sys.stderr.flush()


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(status, style=_STYLES.get(status, "cyan"))


def shortened(text: str, length: int) -> str:
    """Return one line of at most ``length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def confirm(question: str) -> bool:
    """Ask before an action that is charged or can't be undone; ``False`` without a terminal."""
    return read_answer(f"{question} [y/N]") in ("y", "yes")


def read_answer(question: str) -> str | None:
    """Ask a question; return the answer in lower case, or ``None`` without a terminal."""
    if not sys.stdin.isatty():
        return None
    sys.stderr.write(f"{printable(question)} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower()
