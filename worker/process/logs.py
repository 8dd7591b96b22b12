"""Log configuration: every line of the process to standard error, as JSON or in colour.

Lines of other packages (Celery, kombu, uvicorn), warnings and uncaught exceptions take the same way. All get
the ids of the request or attempt for which they are written, and none shows what it must not.
"""

import logging
import sys
import threading
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from models.credentials.key_shapes import KEY_SHAPES
from models.settings import Settings
from worker.metrics.process_metrics import count_line
from worker.printable import printable
from worker.process.fault_reports import open_fault_reports
from worker.process.log_context import add_context, remove_context_names
from worker.process.log_redaction import LogRedaction, secrets_of
from worker.process.repeated_logs import RepeatedLogs

_own = logging.getLogger("darkroom")  # lines of others are left out below a warning


def _safe_traceback(_: Any, __: str, event: EventDict) -> EventDict:
    """Show control characters of a traceback as escapes: the renderers write it as it is."""
    if "exception" in event:
        event["exception"] = printable(str(event["exception"]))
    return event


def _safe_event(_: Any, __: str, event: EventDict) -> EventDict:
    """Show control characters of another package's line as escapes."""
    return {**event, "event": printable(str(event["event"]))}


def configure_logs(settings: Settings) -> None:
    """Write logs to standard error; as JSON by the settings, or unless it is a terminal."""
    level = getattr(logging, settings.log_level.upper())
    as_json = settings.log_json if settings.log_json is not None else not sys.stderr.isatty()
    KEY_SHAPES.configure(settings.redact)
    redaction = LogRedaction(secrets_of(settings), content=settings.log_content)
    reports = open_fault_reports(settings, redaction)
    shared: list[Processor] = [
        add_context,
        structlog.processors.add_log_level,
        count_line,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([reports] if reports is not None else []),
        structlog.processors.format_exc_info,
        _safe_traceback,
        redaction,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _own,
    )
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared, _safe_event],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                remove_context_names,
                renderer,
            ],
        )
    )
    handler.addFilter(RepeatedLogs())
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    _own.setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_of_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    _own.critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_of_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None and not isinstance(raised.exc_value, SystemExit):
        name = raised.thread.name if raised.thread else "?"
        exc_info = (raised.exc_type, raised.exc_value, raised.exc_traceback)
        _own.critical(f"uncaught exception in thread {name}", exc_info=exc_info)
