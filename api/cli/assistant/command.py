"""``darkroom mcp``: serve an assistant's tools on standard input and output."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, Connection
from darkroom_client import AsyncDarkroom, ConfigurationError
from models.errors import SettingsError


def mcp(
    *,
    allow_writes: Annotated[bool, Parameter(negative="")] = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Serve tools for an assistant by the Model Context Protocol: look at jobs, waits, errors, campaigns.

    It has the rights of its key: give it one with the role viewer, or user. Needs the extra `mcp`:
    pip install 'darkroom[mcp]'.

    Parameters
    ----------
    allow_writes
        also submit, retry and cancel jobs, which costs money
    """
    try:
        from api.cli.assistant.tools import build_server  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise CommandFailed(Exit.USAGE, "This needs the extra `mcp`: pip install 'darkroom[mcp]'.") from error

    async def serve() -> None:
        async with AsyncDarkroom(connection.url, connection.key) as client:
            await build_server(client, allow_writes=allow_writes).run_stdio_async()

    try:
        asyncio.run(serve())
    except ConfigurationError as error:
        raise SettingsError([*error.faults]) from error
    return Exit.OK
