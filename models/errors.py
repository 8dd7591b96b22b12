"""The error tree.

::

    DarkroomError
    ├── SettingsError        a setting is missing or wrong; the text has one sentence per fault
    ├── InvalidRequest       a caller's request can't be accepted; names the field and the fix
    ├── NotFound             no such resource, or not this caller's
    ├── Conflict             the state of the job or resource does not allow this
    ├── ClockError           the distance to the database's clock can't be relied on
    ├── StorageError         the object store refused or failed; may be retried
    ├── DatabaseAway         the database does not take the statement now; it may later
    │   └── QueryTooSlow     the statement took longer than it may
    └── ImageError           a download is not (or not safely) an image; carries a code
"""

from functools import partial
from typing import Any


class DarkroomError(Exception):
    """Base class of every error that Darkroom raises on purpose."""


class SettingsError(DarkroomError):
    """Settings that can't work. ``faults`` holds one sentence per fault, each with its fix."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class InvalidRequest(DarkroomError):
    """A request that can't be accepted."""

    def __init__(self, field: str, message: str, *, code: str = "invalid") -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message, self.code = field, message, code

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how it is made again in another process."""
        return partial(type(self), code=self.code), (self.field, self.message)


class NotFound(DarkroomError):
    """There is no such resource that the caller may see."""


class Conflict(DarkroomError):
    """The state of the job or resource does not allow the request."""


class ClockError(DarkroomError):
    """The distance to the database's clock can't be relied on; the text has the fix."""


class StorageError(DarkroomError):
    """The object store failed; the same call may work later."""


class DatabaseAway(DarkroomError):
    """The database is unreachable, read-only, full or busy; the same statement may work later."""


class QueryTooSlow(DatabaseAway):
    """The statement was ended: by its time limit, or by a person."""


class ImageError(DarkroomError):
    """An image could not be downloaded or stored.

    ``code`` is one of ``asset_not_found asset_forbidden asset_expired asset_unreachable asset_timeout
    asset_too_large asset_truncated asset_not_image asset_blocked_address asset_redirects``;
    ``retryable``: whether the same URL may work later; ``retry_after`` is in seconds.
    """

    def __init__(
        self, code: str, message: str, *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.retryable, self.retry_after = retryable, retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how it is made again in another process."""
        again = partial(type(self), retryable=self.retryable, retry_after=self.retry_after)
        return again, (self.code, self.message)
