"""What can go wrong between a client and the server."""

from models.errors import DarkroomError


class Unreachable(DarkroomError):
    """No usable answer came from the server."""


class Refused(DarkroomError):
    """The server answered with an error; ``status`` is HTTP's, ``message`` the problem in plain words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
