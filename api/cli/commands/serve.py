"""``darkroom serve``: one API process of a fleet."""

from functools import partial
from pathlib import Path

import structlog

from api.app import create_app
from api.cli.doctor.command import shared_findings
from api.cli.exit_codes import Exit
from api.cli.local_database import placed
from api.cli.startup import fleet_settings
from api.server import http_limits, listen
from api.server import serve as serve_app
from api.web.allowed_hosts import AllowedHosts
from models.settings import Settings
from worker.process.logs import configure_logs
from worker.process.stop_signals import ignore_hangups

_log = structlog.get_logger()


def serve(*, host: str | None = None, port: int | None = None, config: Path | None = None) -> Exit:
    """Run one API process. `darkroom work` runs the jobs.

    Parameters
    ----------
    host
        address to listen on; else DARKROOM_HOST
    port
        port to listen on; else DARKROOM_PORT
    config
        settings file instead of ./darkroom.toml
    """
    settings = fleet_settings(config, "serve", host=host, port=port)
    configure_logs(settings)
    ignore_hangups()
    listener = listen(settings.host, settings.port)
    settings = placed(settings, listener.getsockname()[1])
    app = create_app(settings)
    app.state.findings = shared_findings(settings)
    serve_app(app, listener, http_limits(settings), ready=partial(_log_ready, settings))
    return Exit.OK


def _log_ready(settings: Settings) -> None:
    """Log one line: the address, and the hosts that requests may name (``DARKROOM_ALLOWED_HOSTS``)."""
    address = f"{settings.host}:{settings.port}"
    hosts = AllowedHosts.of(settings).shown()
    _log.info("API is ready", address=address, url=settings.public_url, hosts=hosts)
