"""Errors of the client; a module of its own so that ``darkroom --help`` does not load httpx."""

from models.errors import DarkroomError


class Unreachable(DarkroomError):
    """The server sent no usable response."""


class Refused(DarkroomError):
    """The server answered with an error: the HTTP ``status`` and a ``message`` in plain words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
