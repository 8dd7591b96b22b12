"""Metrics of one process: build, event loop lag, log lines. Also whether its event loop runs."""

import asyncio
import json
import time
from importlib.metadata import Distribution, distribution, version
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from structlog.typing import EventDict

from worker.metrics.buckets import LAG

_PAUSE = 1.0  # seconds between two measurements
_STALLED = 30.0  # seconds without a measurement after which the event loop counts as stalled
_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
disable_created_metrics()  # type: ignore[no-untyped-call]  # a series beside each counter, unread
_build = Gauge(
    "darkroom_build_info", "Version of Darkroom and its commit, as labels", ["version", "revision"]
)
_read_at = Gauge(
    "darkroom_config_last_reload_timestamp_seconds",
    "When the settings were read: at the start of the process",
)
_read_at.set_to_current_time()
_lag = Histogram(
    "darkroom_event_loop_lag_seconds",
    "By which an event loop is late",
    ["component"],
    buckets=LAG,
)
_lines = Counter("darkroom_log_lines", "Lines of the log", ["level"])


def installed_revision(installed: Distribution) -> str:
    """Return the commit of an installation; empty if its installer did not record it.

    A container image has it in a file; an installation from a repository in PEP 610's.
    """
    if stated := (installed.read_text("REVISION") or "").strip():
        return stated
    try:
        origin = json.loads(installed.read_text("direct_url.json") or "{}")
        return str(origin["vcs_info"]["commit_id"])
    except (ValueError, LookupError, TypeError):
        return ""


_build.labels(version("darkroom"), installed_revision(distribution("darkroom"))).set(1)
_measured: dict[str, float] = {}  # by component, when its loop ran last, by time.monotonic()


async def measure_lag(component: str) -> None:
    """Measure by how much the running loop is late, until cancelled."""
    loop, lag = asyncio.get_running_loop(), _lag.labels(component)
    while True:
        _measured[component] = time.monotonic()
        due = loop.time() + _PAUSE
        await asyncio.sleep(_PAUSE)
        lag.observe(max(0.0, loop.time() - due))


def loop_runs(component: str, now: float | None = None) -> bool:
    """Return whether a component's event loop has started, and ran within the last 30 s (``now``: steady)."""
    measured = _measured.get(component)
    return measured is not None and (time.monotonic() if now is None else now) - measured < _STALLED


def count_line(_: Any, method: str, event: EventDict) -> EventDict:
    """Count a line of the log; a processor of structlog."""
    level = str(event.get("level", method))
    _lines.labels(level if level in _LEVELS else "other").inc()
    return event
