"""Log configuration: structlog to standard error, as JSON or in colour."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

from models.settings import Settings
from worker.printable import printable


def _safe_traceback(_: Any, __: str, event: EventDict) -> EventDict:
    """Show control characters of a traceback as escapes: the renderers write it as it is."""
    if "exception" in event:
        event["exception"] = printable(str(event["exception"]))
    return event


def configure_logs(settings: Settings) -> None:
    """Write logs to standard error; as JSON by the settings, or unless it is a terminal."""
    level = getattr(logging, settings.log_level.upper())
    as_json = settings.log_json if settings.log_json is not None else not sys.stderr.isatty()
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _safe_traceback,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
