"""``darkroom top``: jobs, channels, workers and errors in a terminal, by the API."""

import sys
from typing import Annotated

from cyclopts import Parameter

from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, Connection


def top(
    *,
    interval: Annotated[float, Parameter(help="seconds between two readings")] = 2.0,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Watch jobs, channels, workers and errors. Lower-case keys look, upper-case keys act.

    Needs the extra `top`: pip install 'darkroom[top]'.
    """
    try:
        from api.cli.top.screen import TopScreen  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise CommandFailed(Exit.USAGE, "This needs the extra `top`: pip install 'darkroom[top]'.") from error
    if interval < 0.5:
        raise CommandFailed(Exit.USAGE, "--interval: at least 0.5 seconds.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandFailed(Exit.USAGE, "This needs a terminal; elsewhere, use `darkroom jobs list`.")
    with open_client(connection) as client:
        TopScreen(client, interval=interval).run()
    return Exit.OK
