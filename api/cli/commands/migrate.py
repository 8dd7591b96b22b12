"""``darkroom migrate``: upgrade the database's tables."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import migrations
from api.cli.exit_codes import Exit
from api.cli.local_database import revision_of, settings_of, upgrade
from api.cli.options import Installation
from api.cli.startup import warn_of_unknown_variables


def migrate(
    *,
    check: Annotated[bool, Parameter(negative="")] = False,
    config: Path | None = None,
    data: Path | None = None,
) -> Exit:
    """Upgrade the database's tables to the newest revision. Idempotent.

    Parameters
    ----------
    check
        change nothing: say whether an upgrade is due, by exit code 1
    config
        settings file instead of ./darkroom.toml
    data
        folder of the database, as in `darkroom up --data`
    """
    warn_of_unknown_variables()
    settings = settings_of(Installation(config, data))
    if check:
        return _check(revision_of(settings))
    revision = upgrade(settings)
    sys.stdout.write(f"The tables are at revision {revision}.\n")
    return Exit.OK


def _check(revision: str | None) -> Exit:
    """Say which revision the tables are at, and which this version needs."""
    newest = migrations.head()
    if revision == newest:
        sys.stdout.write(f"The tables are at revision {newest}, the newest.\n")
        return Exit.OK
    present = "There are no tables" if revision is None else f"The tables are at revision {revision}"
    sys.stdout.write(f"{present}; this version has {newest}. Upgrade by: darkroom migrate\n")
    return Exit.FAILED
