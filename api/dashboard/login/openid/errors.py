"""Refusals of a login by OpenID Connect, in words for the person at the browser."""


class LoginRefused(Exception):
    """A login that failed: the page's text, with values for its ``%(name)s``, and the HTTP status."""

    def __init__(self, message: str, *, status: int = 401, **values: object) -> None:
        super().__init__(message % values if values else message)
        self.message, self.status, self.values = message, status, values
