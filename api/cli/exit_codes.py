"""What exit codes mean."""

from enum import IntEnum

from models.errors import DarkroomError


class Exit(IntEnum):
    """How a command ended. Scripts may rely on these numbers."""

    OK = 0
    FAILED = 1  #: some job or check failed, or can't be done in this state
    USAGE = 2  #: wrong arguments or settings
    DENIED = 3  #: no key, or one that is not accepted
    NOT_FOUND = 4
    TIMEOUT = 5
    UNREACHABLE = 6  #: no usable answer from the server
    INTERRUPTED = 130  #: Ctrl-C, as shells count it


class CommandFailed(DarkroomError):
    """A command can't go on; the text says why, ``code`` is what the process ends with."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code
