"""``darkroom serve`` and ``work``: the processes of a fleet."""

from pathlib import Path

from api.app import create_app
from api.cli.exits import CommandFailed, Exit
from api.cli.installation import placed, require_tables, settings_of
from api.cli.options import Installation
from api.serving import listen
from api.serving import serve as serve_app
from models.settings import Settings
from worker.app import run_worker
from worker.logs import configure_logs


def serve(*, host: str | None = None, port: int | None = None, config: Path | None = None) -> Exit:
    """Start one API process. Jobs are run by `darkroom work`.

    Parameters
    ----------
    host
        address to listen on; else DARKROOM_HOST
    port
        port to listen on; else DARKROOM_PORT
    config
        settings file instead of ./darkroom.toml
    """
    settings = _fleet_settings(config, "serve", host=host, port=port)
    configure_logs(settings)
    listener = listen(settings.host, settings.port)
    serve_app(create_app(placed(settings, listener.getsockname()[1])), listener)
    return Exit.OK


def work(*, config: Path | None = None) -> Exit:
    """Start one worker process. SIGTERM lets it finish what it has in hand.

    Parameters
    ----------
    config
        settings file instead of ./darkroom.toml
    """
    run_worker(_fleet_settings(config, "work"))
    return Exit.OK


def _fleet_settings(config: Path | None, command: str, **overrides: object) -> Settings:
    settings = settings_of(Installation(config), **overrides)
    if settings.embedded_broker:
        raise CommandFailed(
            Exit.USAGE,
            f"`darkroom {command}` needs a broker that other processes reach: set DARKROOM_BROKER_URL to "
            "redis://… or amqp://…. For everything in one process, use `darkroom up`.",
        )
    require_tables(settings)
    return settings
