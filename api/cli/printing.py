"""Tables and words on a terminal, JSON lines for everything else."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES = {
    "succeeded": "green",
    "failed": "red",
    "held": "yellow",
    "awaiting_input": "yellow",
    "cancelled": "dim",
    "expired": "dim",
    "ready": "green",
    "paused": "yellow",
    "cooling down": "yellow",
    "stopped": "red",
    "revoked": "dim",
}


@dataclass(frozen=True, slots=True)
class Printer:
    """Where a command's results go. ``console`` is for people; scripts read JSON lines."""

    console: Console
    as_json: bool

    def record(self, value: Mapping[str, Any], view: Any) -> None:
        """Print one thing: as JSON, or as what ``view`` shows people."""
        if self.as_json:
            write_json(value)
        else:
            self.console.print(view)

    def table(
        self, title: str, columns: Sequence[str], rows: Iterable[tuple[Mapping[str, Any], Sequence[Any]]]
    ) -> None:
        """Print many things, each given as its JSON and its cells; says so when there are none."""
        if self.as_json:
            for value, _ in rows:
                write_json(value)
            return
        drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for place, column in enumerate(columns):
            drawn.add_column(column, overflow="fold", no_wrap=place == 0)  # ids are there to be copied
        for _, cells in rows:
            drawn.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in cells))
        self.console.print(drawn if drawn.row_count else f"No {title}.", highlight=False)


def printer(*, json: bool) -> Printer:
    """Return the printer for this process's standard output."""
    return Printer(Console(highlight=False), json or not sys.stdout.isatty())


def write_json(value: Mapping[str, Any]) -> None:
    """Write one line of JSON to standard output."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_UTC_Z, default=str).decode() + "\n")
    sys.stdout.flush()


def say(message: str) -> None:
    """Tell the person at the terminal something that is not a result."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(status, style=_STYLES.get(status, "cyan"))


def shortened(text: str, length: int) -> str:
    """Return one line of at most ``length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
