"""The error tree.

::

    DarkroomError
    ├── ConfigurationError    the URL or the key can't work; names each variable with its fix
    ├── InputError            an input image can't be read
    ├── ConnectionFailed      no usable response came from the server
    │   └── InvalidResponse   a response came, but it is cut, garbled or not Darkroom's
    ├── ApiError              the server refused; has the fields and fixes of its problem document (RFC 9457)
    │   ├── InvalidRequest    400, 413, 415, 421, 422: correct the request
    │   ├── Unauthorized      401: there is no key, or it is not valid
    │   ├── Forbidden         403: the key does not permit this
    │   ├── NotFound          404, 410: it does not exist, or was deleted
    │   ├── Conflict          409: the state of the job does not allow this
    │   ├── TooManyRequests   429: a limit is reached, also after retries
    │   └── ServerError       5xx
    ├── JobFailed             a job ended without a result
    │   └── JobHeld           a job waits for a person's decision: its call may have been charged
    ├── CampaignWaits         a campaign needs a person before it goes on
    ├── WaitTimeout           a job or a campaign did not end in time; it goes on
    └── SignatureError        a webhook is not signed with this secret, or too old
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


class DarkroomError(Exception):
    """Base class of every error that this package raises on purpose."""


class ConfigurationError(DarkroomError):
    """Settings that can't work. ``faults`` has one sentence per fault, each with its fix."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class InputError(DarkroomError):
    """An input image can't be read. ``field`` is where it was given, such as ``images[0]``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


class ConnectionFailed(DarkroomError):
    """No usable response came. ``sent`` is false if the request surely did not reach the server."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class InvalidResponse(ConnectionFailed):
    """A response that is cut, garbled or not Darkroom's."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field of a request, and how to correct it."""

    field: str
    message: str


class ApiError(DarkroomError):
    """The server refused a request. The text is for people, ``code`` is stable for programs.

    ``errors`` has each invalid field with its fix, ``retry_after`` is in seconds, ``request_id`` is in the
    server's log, and ``problem`` is the whole document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        errors: Sequence[FieldError] = (),
        request_id: str = "",
        retry_after: float | None = None,
        problem: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.code = status, detail, code
        self.errors, self.request_id, self.retry_after = tuple(errors), request_id, retry_after
        self.problem = problem

    @property
    def field(self) -> str | None:
        """The first invalid field."""
        return self.errors[0].field if self.errors else None

    @property
    def fix(self) -> str | None:
        """How to correct the first invalid field."""
        return self.errors[0].message if self.errors else None


class InvalidRequest(ApiError):
    """The request can't be accepted as it is."""


class Unauthorized(ApiError):
    """There is no key, or it is not valid."""


class Forbidden(ApiError):
    """The key does not permit this."""


class NotFound(ApiError):
    """There is no such resource that the key may see; with status 410, it was deleted."""


class Conflict(ApiError):
    """The state of the resource does not allow the request."""


class TooManyRequests(ApiError):
    """A limit is reached."""


class ServerError(ApiError):
    """The server, or a proxy before it, failed."""


class JobFailed(DarkroomError):
    """A job ended without a result. ``code`` is that of its error, or its status."""

    def __init__(self, job: Any, code: str, message: str) -> None:
        super().__init__(f"{job.id} {job.status}: {message}")
        self.job, self.code, self.message = job, code, message


class JobHeld(JobFailed):
    """A job waits for a decision: release it (it calls again), fail it, or cancel it."""


class CampaignWaits(DarkroomError):
    """A campaign needs a person: ``needs`` is approval, resume, budget, held or start."""

    def __init__(self, campaign: Any, needs: str, message: str) -> None:
        super().__init__(message)
        self.campaign, self.needs = campaign, needs


class WaitTimeout(DarkroomError, TimeoutError):
    """A job, or a campaign, did not end in time; it goes on. ``job`` is either, as it was seen last."""

    def __init__(self, job: Any, message: str) -> None:
        super().__init__(message)
        self.job = job


class SignatureError(DarkroomError):
    """A webhook is not signed with this secret, or its time is too far away."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    410: NotFound,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    421: InvalidRequest,
    422: InvalidRequest,
    429: TooManyRequests,
}


def api_error_class(status: int) -> type[ApiError]:
    """Return the class of the errors of an HTTP status."""
    return _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
