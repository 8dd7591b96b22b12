"""Client of the client commands: the Python client, its errors as exit codes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import Connection
from darkroom_client import (
    ApiError,
    ConfigurationError,
    ConnectionFailed,
    Darkroom,
    DarkroomError,
    InputError,
    RetryPolicy,
)
from models.errors import SettingsError

_AT_ONCE = RetryPolicy(attempts=1)  # a person sees the error at once, and repeats the command
_UNREACHED = "Is `darkroom up` or `serve` running there? DARKROOM_URL, or --url, names another server."
_BY_STATUS: Mapping[int, Exit] = {
    HTTPStatus.UNAUTHORIZED: Exit.DENIED,
    HTTPStatus.FORBIDDEN: Exit.DENIED,
    HTTPStatus.NOT_FOUND: Exit.NOT_FOUND,
    HTTPStatus.CONFLICT: Exit.FAILED,
    HTTPStatus.TOO_MANY_REQUESTS: Exit.FAILED,
}


@contextmanager
def open_client(connection: Connection, retry: RetryPolicy = _AT_ONCE) -> Iterator[Darkroom]:
    """Open a client for the server and key of the options or the environment.

    ``retry``: by default an error is shown at once. Errors of the client are raised as ``CommandFailed``,
    wrong settings as ``SettingsError``.
    """
    try:
        with Darkroom(connection.url, connection.key, retry=retry) as client:
            yield client
    except ConfigurationError as error:
        raise SettingsError([*error.faults]) from error
    except DarkroomError as error:
        raise failure_of(error) from error


def failure_of(error: DarkroomError) -> CommandFailed:
    """Return an error of the client as that of a command."""
    match error:
        case ApiError():
            worst = Exit.UNREACHABLE if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else Exit.USAGE
            code = _BY_STATUS.get(error.status, worst)
            hint = " `darkroom keys create NAME` makes a key." if code is Exit.DENIED else ""
            return CommandFailed(code, f"{error}{hint}")
        case ConnectionFailed():
            hint = "" if error.sent else f" {_UNREACHED}"
            return CommandFailed(Exit.UNREACHABLE, f"{error}{hint}")
        case InputError():
            return CommandFailed(Exit.USAGE, str(error))
    return CommandFailed(Exit.FAILED, str(error))
