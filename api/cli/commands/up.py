"""``darkroom up``: API and worker in one process."""

from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import add_configured_keys
from api.cli.doctor.command import shared_findings
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.key_admin import add_key, create_key, has_key
from api.cli.local_database import placed, settings_of, upgrade, write
from api.cli.options import Installation
from api.cli.output import say
from api.cli.startup import require_long_keys, warn_of_unknown_variables
from api.dashboard.login.sessions import create_link
from api.embedded import run_embedded
from api.server import listen
from api.web.allowed_hosts import AllowedHosts, is_loopback
from models.api_keys import KeyState, Role
from models.clock import now
from models.queries.api_keys import list_keys
from models.queries.callers import list_ids
from models.settings import Settings
from worker.process.logs import configure_logs
from worker.process.stop_signals import ignore_hangups

_NO_CHANNEL = (
    "No provider is configured, so jobs will wait: set DARKROOM_UPSTREAM_BASE_URL and\n"
    "DARKROOM_UPSTREAM_API_KEY, or write [[channels]] into darkroom.toml, and start again."
)


def up(
    *,
    host: str | None = None,
    port: Annotated[int | None, Parameter(help="port to listen on; else DARKROOM_PORT")] = None,
    data: Path | None = None,
    config: Path | None = None,
) -> Exit:
    """Run API and worker in one process, with SQLite and images in a folder. Ctrl-C ends it.

    Parameters
    ----------
    host
        address to listen on; else DARKROOM_HOST
    data
        folder of the database and the images; else ./darkroom-data
    config
        settings file instead of ./darkroom.toml
    """
    warn_of_unknown_variables()
    settings = settings_of(Installation(config, data), host=host, port=port)
    if not settings.embedded_broker:
        raise CommandFailed(
            Exit.USAGE,
            "`darkroom up` has its own broker, but DARKROOM_BROKER_URL names another: unset it, "
            "or start `darkroom serve` and `darkroom work` for a fleet.",
        )
    require_long_keys(settings)
    listener = listen(settings.host, settings.port)
    settings = placed(settings, listener.getsockname()[1])
    configure_logs(settings)
    ignore_hangups()
    try:
        upgrade(settings)
        key = _first_key(settings)
        greet = partial(_greet, settings, key, _login_link(settings))
        run_embedded(settings, listener, ready=greet, findings=shared_findings(settings))
    except KeyboardInterrupt:  # before the API was up
        return Exit.OK
    finally:
        listener.close()
    return Exit.OK


def _first_key(settings: Settings) -> str | None:
    """Create a key if there is none yet: the API is closed by default."""
    if settings.api_keys or settings.admin_keys:
        return None

    async def act(connection: AsyncConnection) -> str | None:
        if await has_key(connection):
            return None
        keyless = await list_ids(connection, name="first")  # its key was revoked or has expired
        if keyless:
            return (await add_key(connection, keyless[-1], "first", role=Role.ADMIN)).key
        return (await create_key(connection, "first", role=Role.ADMIN)).key

    return write(settings, act)


def _login_link(settings: Settings) -> str | None:
    """Return a link that logs in by the newest usable key of an admin, if there is one."""

    async def act(connection: AsyncConnection) -> str | None:
        await add_configured_keys(connection, settings, now())
        usable = [key for key in await list_keys(connection) if key.state(now()) is KeyState.READY]
        admins = [key for key in usable if key.role is Role.ADMIN]
        if not admins:
            return None
        newest = max(admins, key=lambda key: key.created_at)
        return await create_link(connection, newest.id, public_url=settings.public_url, at=now())

    return write(settings, act)


def _greet(settings: Settings, key: str | None, link: str | None) -> None:
    say(f"Darkroom serves {settings.public_url} (API: {settings.public_url}/docs). Ctrl-C ends it.")
    if not is_loopback(settings.host):
        hosts = AllowedHosts.of(settings).shown()
        say(f"It answers for these hosts: {hosts}. Others go into DARKROOM_ALLOWED_HOSTS.")
    if link:
        say(f"Log in to the dashboard by this link, which works once, within an hour:\n  {link}")
    if key:
        say(f"Your API key, shown only once:\n  export DARKROOM_API_KEY={key}")
    if not any(channel.enabled for channel in settings.all_channels()):
        say(_NO_CHANNEL)
