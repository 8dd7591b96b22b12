"""A fleet's process that starts while its database is away: it waits, with or without a supervisor."""

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import require_tables, settings_of
from api.cli.options import Installation
from models.settings import Settings
from worker.logs import configure_logs

_PAUSE = 3.0  # seconds between looks
_NOT_YET = re.compile(
    r"starting up|shutting down|recovery mode|not (yet )?accepting connections"
    r"|too many (clients|connections)|connection slots"
)
_SAID_NO = re.compile(r"FATAL|password|authentication|SSL|certificate")
_NO_ANSWER = re.compile(
    r"refused|timed out|timeout|resolve host|translate host name|(host|network) is (down|unreachable)"
    r"|no route to host|connection reset|closed the connection|no such file",
    re.IGNORECASE,
)
_log = structlog.get_logger()


def fleet_settings(config: Path | None, command: str, **overrides: object) -> Settings:
    """Return the settings of a fleet's process once its database answers, or say why it can't be one."""
    settings = settings_of(Installation(config), **overrides)
    if settings.embedded_broker:
        raise CommandFailed(
            Exit.USAGE,
            f"`darkroom {command}` needs a broker that other processes reach: set DARKROOM_BROKER_URL to "
            "redis://… or amqp://…. For everything in one process, use `darkroom up`.",
        )
    wait_for_tables(settings)
    return settings


def wait_for_tables(settings: Settings) -> None:
    """Return once the database answers and has our tables; what waiting can't mend raises ``CommandFailed``.

    SIGTERM ends the process meanwhile.
    """
    with _ended_by_sigterm():
        while True:
            try:
                return require_tables(settings)
            except CommandFailed as error:
                if error.code is not Exit.UNREACHABLE or not is_away(_own_words(error.__cause__)):
                    raise
                configure_logs(settings)
                _log.warning(f"the database is away; it is asked again in {_PAUSE:g} s", error=str(error))
            time.sleep(_PAUSE)


def is_away(words: str) -> bool:
    """Tell from a database's or driver's words whether it may answer later.

    Where one of several addresses is refused and another one says no, it said no.
    """
    if _NOT_YET.search(words):
        return True
    return _NO_ANSWER.search(words) is not None and not _SAID_NO.search(words)


def _own_words(cause: BaseException | None) -> str:
    return str(getattr(cause, "orig", None) or cause)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """End at once, as after any wish to stop: the first process of a container has no handler of its own."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.OK))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
