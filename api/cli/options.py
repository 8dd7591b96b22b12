"""Options that many commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


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
