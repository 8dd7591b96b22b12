"""Reports of Darkroom's own faults to Sentry, an extra (``sentry``): only if a setting names a project.

A fault is an exception that a line of the log shows, or one that nothing caught. Errors that the program
knows (``models.errors``: providers, storage, wrong input, an absent database) are none.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any

from structlog.typing import EventDict

from models.errors import DarkroomError, SettingsError
from models.integrity.database_errors import is_transient
from models.settings import Settings
from worker.process.log_context import present_log_context
from worker.process.log_redaction import LogRedaction


class FaultReports:
    """A processor of structlog, before tracebacks become text."""

    def __init__(self, sentry: Any) -> None:
        self._sentry = sentry

    def __call__(self, _: Any, __: str, event: EventDict) -> EventDict:
        """Report the exception of a line."""
        error = _exception_of(event.get("exc_info"))
        if error is not None and is_fault(error):
            with self._sentry.new_scope() as scope:
                for name, value in present_log_context().fields.items():
                    scope.set_tag(name, value)
                scope.set_tag("event", str(event.get("event"))[:200])
                self._sentry.capture_exception(error)
        return event


def is_fault(error: BaseException) -> bool:
    """Return whether an exception is a fault of Darkroom itself."""
    if not isinstance(error, Exception) or isinstance(error, DarkroomError):
        return False
    return not is_transient(error)


def open_fault_reports(
    settings: Settings, redaction: LogRedaction, *, transport: Any = None
) -> Callable[[Any, str, EventDict], EventDict] | None:
    """Return the processor, ``None`` without a project. Raises ``SettingsError`` without the extra."""
    if settings.sentry_dsn is None:
        return None
    try:
        sentry = import_module("sentry_sdk")
    except ImportError as error:
        raise SettingsError(
            ["DARKROOM_SENTRY_DSN needs the extra sentry: install it as darkroom[sentry]."]
        ) from error
    sentry.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        release=f"darkroom@{version('darkroom')}",
        default_integrations=False,  # they report whatever others log, with what it contains
        include_local_variables=False,  # prompts and keys are in them
        server_name="",
        max_breadcrumbs=0,
        before_send=lambda event, _: redaction.value(event),
        **({} if transport is None else {"transport": transport}),
    )
    return FaultReports(sentry)


def _exception_of(exc_info: Any) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
    return None
