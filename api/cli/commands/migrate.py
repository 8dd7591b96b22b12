"""``darkroom migrate``: upgrade the database's tables."""

import sys
from pathlib import Path

from api.cli.exit_codes import Exit
from api.cli.local_database import settings_of, upgrade
from api.cli.options import Installation
from api.cli.startup import warn_of_unknown_variables


def migrate(*, config: Path | None = None, data: Path | None = None) -> Exit:
    """Upgrade the database's tables to the newest revision. Idempotent.

    Parameters
    ----------
    config
        settings file instead of ./darkroom.toml
    data
        folder of the database, as in `darkroom up --data`
    """
    warn_of_unknown_variables()
    revision = upgrade(settings_of(Installation(config, data)))
    sys.stdout.write(f"The tables are at revision {revision}.\n")
    return Exit.OK
