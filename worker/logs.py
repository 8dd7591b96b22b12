"""Log configuration: structlog to standard error, as JSON or in colour."""

import logging
import sys

import structlog

from models.settings import Settings


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
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
