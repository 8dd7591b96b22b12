"""Log context: the ids that every line has which is written for a request, an attempt or a webhook message.

It is bound once, where that work begins, and goes with the tasks that this work starts. A task that serves
others as well is started without it (``create_detached_task``).
"""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from structlog.typing import EventDict

from worker.upstream.errors.own_text import NO_REQUEST, OwnText

CONTEXT_NAMES = "_context"  #: of a line: the names of values that it has from its context
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LogContext:
    """What the lines of one piece of work have in common."""

    #: such as ``job``, ``attempt``, ``channel``, ``caller``, ``request_id``; ids as callers see them
    fields: Mapping[str, str | int] = field(default_factory=dict)
    own_text: OwnText = NO_REQUEST  #: texts of the caller, which its lines do not show


_present: ContextVar[LogContext] = ContextVar("log_context", default=LogContext())  # noqa: B039 - it is frozen


def present_log_context() -> LogContext:
    """Return the context of the running task."""
    return _present.get()


def bind_log_context(own_text: OwnText | None = None, /, **fields: str | int | None) -> None:
    """Add values to the context of the running task, and of tasks that it starts; ``None`` is left out."""
    before = _present.get()
    known = {name: value for name, value in fields.items() if value is not None}
    bound = replace(before, fields={**before.fields, **known})
    _present.set(bound if own_text is None else replace(bound, own_text=own_text))


@contextmanager
def log_context(**fields: str | int | None) -> Iterator[None]:
    """Begin a piece of work with a context of its own; afterwards, the one before is in force."""
    token = _present.set(LogContext())
    bind_log_context(None, **fields)
    try:
        yield
    finally:
        _present.reset(token)


def create_detached_task(
    coroutine: Coroutine[Any, Any, Result], *, name: str | None = None
) -> asyncio.Task[Result]:
    """Start a task that does not belong to the request or attempt that happens to start it."""
    return asyncio.create_task(coroutine, name=name, context=Context())


def add_context(_: Any, __: str, event: EventDict) -> EventDict:
    """Add the context to a line, whose own values outrank it; a processor of structlog."""
    fields = _present.get().fields
    added = [name for name in fields if name not in event]
    return {**fields, **event, CONTEXT_NAMES: added} if added else event


def remove_context_names(_: Any, __: str, event: EventDict) -> EventDict:
    """Leave out which values came from the context; a processor of structlog."""
    event.pop(CONTEXT_NAMES, None)
    return event
