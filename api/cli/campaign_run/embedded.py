"""A server of the command's own, for `--embedded`: API and worker in threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.key_admin import add_key, create_key
from api.cli.local_database import upgrade, write
from api.cli.options import Connection
from api.cli.startup import require_long_keys, warn_of_unknown_variables
from api.embedded import embedded_beside
from api.server import listen
from models.clock import now
from models.queries.callers import list_ids
from models.settings import Settings
from worker.process.logs import configure_logs

_CALLER = "run"  # the campaigns are this caller's, in each run
_KEY_AGE = timedelta(days=30)  # a run that takes longer is started again


@contextmanager
def embedded_server(settings: Settings) -> Iterator[Connection]:
    """Run a server while the context is open, on a free port of this machine; yield how to call it."""
    if not settings.embedded_broker:
        raise CommandFailed(
            Exit.USAGE,
            "--embedded has its own broker, but DARKROOM_BROKER_URL names another: unset it, or leave "
            "--embedded out to use your server.",
        )
    if not any(channel.enabled for channel in settings.all_channels()):
        raise CommandFailed(
            Exit.USAGE,
            "No provider is configured: set DARKROOM_UPSTREAM_BASE_URL and DARKROOM_UPSTREAM_API_KEY, or "
            "write [[channels]] into darkroom.toml.",
        )
    warn_of_unknown_variables()
    require_long_keys(settings)
    listener = listen("127.0.0.1", 0)
    try:
        port = listener.getsockname()[1]
        own = {"host": "127.0.0.1", "port": port, "public_url": f"http://127.0.0.1:{port}"}
        settings = settings.model_copy(update=own)
        configure_logs(settings)
        upgrade(settings)
        key = _fresh_key(settings)
        with embedded_beside(settings, listener):
            yield Connection(f"http://127.0.0.1:{settings.port}", key)
    finally:
        listener.close()


def _fresh_key(settings: Settings) -> str:
    """Return a new key of the caller of these commands, which is kept nowhere else."""

    async def act(connection: AsyncConnection) -> str:
        callers, until = await list_ids(connection, name=_CALLER), now() + _KEY_AGE
        if not callers:
            return (await create_key(connection, _CALLER, expires_at=until)).key
        return (await add_key(connection, callers[-1], _CALLER, expires_at=until)).key

    return write(settings, act)
