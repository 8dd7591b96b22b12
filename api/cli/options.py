"""Options that many commands share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from cyclopts import Parameter

from api.cli.exit_codes import CommandFailed, Exit


def statuses_option(what: str) -> Parameter:
    """Return the option ``--status``, which may be given several times; read it by ``read_statuses``."""
    return Parameter(name="--status", negative="", help=f"only {what}")


def read_statuses(given: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return the states of ``--status failed,held`` or of several options. Raises ``CommandFailed``."""
    words = [word.strip().replace("-", "_") for each in given for word in each.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise CommandFailed(Exit.USAGE, f"--status {word}: there is no such state; {', '.join(known)}.")
    return list(dict.fromkeys(words))


FILTER = Parameter(
    name="--filter",
    help="conditions of the API, 'status=failed&tag=night', or the address of a list in the dashboard",
)


def read_filter(text: str | None) -> dict[str, str]:
    """Return the conditions of a query string, or of an address that has one. Raises ``CommandFailed``."""
    if text is None:
        return {}
    try:
        found = dict(parse_qsl(urlsplit(text).query if "?" in text else text, strict_parsing=True))
    except ValueError:
        found = {}
    if not found:
        raise CommandFailed(Exit.USAGE, f"--filter {text[:200]}: write conditions, such as 'status=failed'.")
    return found


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Installation:
    """The installation that a command works on."""

    config: Annotated[Path | None, Parameter(help="settings file instead of ./darkroom.toml")] = None
    data: Annotated[
        Path | None, Parameter(help="folder of the database and the images, as in `darkroom up --data`")
    ] = None


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Connection:
    """The server that a command calls."""

    url: Annotated[str | None, Parameter(help="the server's URL; else DARKROOM_URL")] = None
    key: Annotated[str | None, Parameter(help="the API key; better: DARKROOM_API_KEY")] = None


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Format:
    """Output format of a command."""

    json: Annotated[bool, Parameter(negative="", help="print JSON lines, as when piped")] = False


DEFAULT_INSTALLATION = Installation()
DEFAULT_CONNECTION = Connection()
DEFAULT_FORMAT = Format()
