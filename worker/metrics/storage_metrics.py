"""Histogram of the object store's operations."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Histogram

from worker.metrics.buckets import SHORT

_seconds = Histogram(
    "darkroom_storage_operation_seconds",
    "Seconds of an operation of the image store",
    ["operation", "outcome"],
    buckets=SHORT,
)
_OPERATIONS = {"write": "put", "read": "get", "look": "head", "delete": "delete", "list": "list"}


@contextmanager
def timed(action: str) -> Iterator[None]:
    """Observe an operation by the first word of what it does."""
    operation = _OPERATIONS.get(action.partition(" ")[0], "other")
    start, outcome = time.monotonic(), "error"
    try:
        yield
        outcome = "ok"
    finally:
        _seconds.labels(operation, outcome).observe(time.monotonic() - start)
