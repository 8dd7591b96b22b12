"""Options of names and values: --metadata and --param of ``darkroom submit``."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from api.cli.exit_codes import CommandFailed, Exit

Pairs = Annotated[tuple[str, ...], Parameter(negative="")]


def pairs_of(option: str, typed: Sequence[str]) -> dict[str, Any]:
    """Return names with their values: JSON as such, other texts as they are. Raises ``CommandFailed``."""
    pairs: dict[str, Any] = {}
    for text in typed:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise CommandFailed(Exit.USAGE, f"{option} {text}: write NAME=VALUE, such as shoot=spring.")
        pairs[name] = _value(value)
    return pairs


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text
