"""Exit codes, and errors as exit codes with a sentence."""

import traceback
from enum import IntEnum

from models.errors import Conflict, DarkroomError, InvalidRequest, NotFound, SettingsError
from models.integrity.field_errors import one_line


class Exit(IntEnum):
    """Exit code of a command. Scripts may rely on these numbers."""

    OK = 0
    FAILED = 1  #: some job or check failed, or can't be done in this state
    USAGE = 2  #: wrong arguments or settings
    DENIED = 3  #: no key, or an invalid one
    NOT_FOUND = 4
    TIMEOUT = 5
    UNREACHABLE = 6  #: no usable response from the server
    START_AGAIN = 75  #: a person asked the worker to stop: what runs it shall start it again
    INTERRUPTED = 130  #: Ctrl-C, as shells count it


class CommandFailed(DarkroomError):
    """A command can't go on; the text says why, ``code`` is the exit code."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def explain(error: Exception) -> tuple[Exit, str]:
    """Return the exit code and the message of an error."""
    match error:
        case CommandFailed():
            return error.code, str(error)
        case SettingsError():
            return Exit.USAGE, "\n".join(error.faults)
        case InvalidRequest():
            return Exit.USAGE, str(error)
        case NotFound():
            return Exit.NOT_FOUND, str(error)
        case Conflict():
            return Exit.FAILED, str(error)
        case DarkroomError():
            return Exit.FAILED, str(error)
        case OSError() if error.strerror:
            named = f"{one_line(str(error.filename))}: " if error.filename else ""
            return Exit.FAILED, f"{named}{error.strerror}."
        case UnicodeEncodeError():
            return Exit.USAGE, "An argument has characters that are not UTF-8."
    return Exit.FAILED, _explain_unexpected(error)


def _explain_unexpected(error: Exception) -> str:
    """Return one line with an unexpected error and its place: enough to report it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"Something went wrong inside Darkroom: {type(error).__name__}: {first}{place}"
