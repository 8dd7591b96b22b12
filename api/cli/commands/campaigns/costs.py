"""``darkroom campaigns costs``: what a campaign has cost, and each approved picture."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from api.cli.connection import open_client
from api.cli.exit_codes import Exit
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import printer


def costs(
    name: str, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Show what a campaign has cost."""
    with open_client(connection) as client:
        report = client.campaign(name).costs()
    printer(json=output.json).record(report, Text("\n".join(_lines(report))))
    return Exit.OK


def _lines(report: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield the members of a report, one a line."""
    for label, value in report.items():
        if label in ("object", "links") or value in (None, [], {}):
            continue
        if isinstance(value, Mapping):
            yield f"{indent}{label.replace('_', ' ')}"
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list):
            yield f"{indent}{label.replace('_', ' ')}"
            yield from (f"{indent}  {_row(each)}" for each in value)
        else:
            yield f"{indent}{label.replace('_', ' '):<24}{value}"


def _row(value: object) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{label} {each}" for label, each in value.items() if each is not None)
