"""Addresses that callers want to be told at: what can be seen to be wrong is refused at once."""

from urllib.parse import urlsplit

from models.errors import InvalidRequest, PictureError
from models.settings import Settings
from worker.download.ssrf import AllowList, check_host


def check_target(field: str, url: str, settings: Settings) -> None:
    """Refuse a private address that is not allowed, and passwords. Raises ``InvalidRequest``.

    A name passes: what it stands for is judged whenever a message is sent.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(field, "put no user name into it; check the messages' signature instead")
    try:
        check_host(parts.hostname or "", AllowList.parse(settings.allow_private))
    except PictureError as error:
        raise InvalidRequest(field, error.message, code="blocked_address") from error
