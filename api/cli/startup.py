"""Startup of fleet processes: wait for the database and its tables."""

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import require_tables, require_writes, settings_of
from api.cli.options import Installation
from api.cli.output import say
from models.credentials.strength import PROVIDER_KEY, weakness
from models.errors import SettingsError
from models.settings import Settings, unknown_variables
from worker.process.logs import configure_logs

_PAUSE = 3.0  # seconds between tries
_NOT_YET = re.compile(
    r"starting up|shutting down|recovery mode|not (yet )?accepting connections"
    r"|too many (clients|connections)|connection slots|session is (not )?read-only|takes no writes"
)
_REFUSED = re.compile(r"FATAL|password|authentication|SSL|certificate")
_NO_ANSWER = re.compile(
    r"refused|timed out|timeout|resolve host|translate host name|(host|network) is (down|unreachable)"
    r"|no route to host|connection reset|closed the connection|no such file",
    re.IGNORECASE,
)
_log = structlog.get_logger()


def fleet_settings(config: Path | None, command: str, **overrides: object) -> Settings:
    """Return the settings of a fleet process once its database answers; raises ``CommandFailed``."""
    warn_of_unknown_variables()
    settings = settings_of(Installation(config), **overrides)
    if settings.embedded_broker:
        raise CommandFailed(
            Exit.USAGE,
            f"`darkroom {command}` needs a broker that other processes can reach: set DARKROOM_BROKER_URL to "
            "redis://… or amqp://…. For everything in one process, use `darkroom up`.",
        )
    require_long_keys(settings)
    wait_for_tables(settings)
    return settings


def warn_of_unknown_variables() -> None:
    """Print a warning for each ``DARKROOM_*`` variable that nothing reads, such as a misspelt one."""
    for sentence in unknown_variables():
        say(f"Warning: {sentence}")


def require_long_keys(settings: Settings) -> None:
    """Refuse keys of providers that are too short to be removed from what a provider repeats.

    Raises ``SettingsError``. Placeholders and weak keys of callers are refused with the settings themselves.
    """
    if faults := short_provider_keys(settings):
        raise SettingsError(faults)


def short_provider_keys(settings: Settings) -> list[str]:
    """Return a sentence for each channel whose key is too short. A channel without a key may need none."""
    faults = []
    for channel in settings.all_channels():
        key = channel.api_key.get_secret_value()
        if key and (why := weakness(key, least=PROVIDER_KEY)):
            place = (
                "DARKROOM_UPSTREAM_API_KEY" if channel.name == "upstream" else f"api_key of {channel.name}"
            )
            faults.append(
                f"{place}: the key {why}. Write the key that the provider issued; "
                "leave it empty if the provider wants none."
            )
    return faults


def wait_for_tables(settings: Settings) -> None:
    """Return once the database answers, has the tables and takes writes.

    Raises ``CommandFailed`` for errors that waiting does not cure. SIGTERM ends the process meanwhile.
    """
    with _ended_by_sigterm():
        while True:
            try:
                require_tables(settings)
                return require_writes(settings)
            except CommandFailed as error:
                if error.code is not Exit.UNREACHABLE or not is_unavailable(_driver_message(error.__cause__)):
                    raise
                configure_logs(settings)
                _log.warning(f"the database is unavailable; retrying in {_PAUSE:g} s", error=str(error))
            time.sleep(_PAUSE)


def is_unavailable(words: str) -> bool:
    """Return whether the error message of a database or driver is about a temporary outage.

    If one of several addresses does not answer and another one refuses, the database refused.
    """
    if _NOT_YET.search(words):
        return True
    return _NO_ANSWER.search(words) is not None and not _REFUSED.search(words)


def _driver_message(cause: BaseException | None) -> str:
    return str(getattr(cause, "orig", None) or cause)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Exit at once on SIGTERM: the first process of a container has no default handler."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.OK))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
