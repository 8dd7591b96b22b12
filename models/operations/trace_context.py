"""Trace context of W3C: the ``traceparent`` header of a submit, and the ids of a job's own spans."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span within a trace."""

    trace_id: int  #: 128 bits, not 0
    span_id: int  #: 64 bits, not 0

    @classmethod
    def parse(cls, traceparent: str | None) -> "TraceContext | None":
        """Parse a ``traceparent``; ``None`` if it is none, which the standard says to ignore."""
        found = _TRACEPARENT.fullmatch(traceparent or "")
        if found is None or (traceparent or "").startswith("ff"):
            return None
        context = cls(int(found[1], 16), int(found[2], 16))
        return context if context.trace_id and context.span_id else None


def job_context(job_id: UUID, generation: int, traceparent: str | None) -> TraceContext:
    """Return the span of a job's generation. The first belongs to its submit's trace, others to their own.

    It is derived, so that each process knows it without asking another one.
    """
    given = TraceContext.parse(traceparent) if generation == 1 else None
    digest = sha256(job_id.bytes + generation.to_bytes(4, "big")).digest()
    own = job_id.int if generation == 1 else int.from_bytes(digest[8:24], "big")
    return TraceContext(given.trace_id if given else own, int.from_bytes(digest[:8], "big") or 1)


_present: ContextVar[str | None] = ContextVar("traceparent", default=None)


def present_traceparent() -> str | None:
    """Return the ``traceparent`` of the request that is served, if it has a valid one."""
    return _present.get()


@contextmanager
def traceparent_of(header: bytes) -> Iterator[None]:
    """Serve a request with this header."""
    text = header.decode("ascii", "replace")
    token = _present.set(text if len(text) < 200 and TraceContext.parse(text) else None)
    try:
        yield
    finally:
        _present.reset(token)
