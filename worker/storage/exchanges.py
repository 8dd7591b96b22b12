"""What httpx and aiohttp raise, as ``PictureError``."""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx

from models.errors import PictureError

#: In order: the first class that fits decides. Everything else of the two libraries is ``asset_unreachable``.
_CODES: tuple[tuple[type[Exception], str, str], ...] = (
    (aiohttp.ServerTimeoutError, "asset_timeout", "The host did not answer in time."),
    (aiohttp.InvalidURL, "asset_blocked_address", "The link can't be used as an address."),
    (httpx.UnsupportedProtocol, "asset_blocked_address", "The link can't be used as an address."),
    (httpx.InvalidURL, "asset_blocked_address", "The link can't be used as an address."),
    (UnicodeError, "asset_blocked_address", "The link's host name can't be used."),
    (httpx.ReadTimeout, "asset_timeout", "The host stopped sending."),
    (httpx.ReadError, "asset_truncated", "The connection ended before the picture did."),
)


@contextmanager
def exchange() -> Iterator[None]:
    """Turn the errors of one exchange with a host into ``PictureError``."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, UnicodeError) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> PictureError:
    for kind, code, words in _CODES:
        if isinstance(error, kind) or isinstance(error.__cause__, kind):
            return PictureError(code, words, retryable=code != "asset_blocked_address")
    return PictureError("asset_unreachable", f"The host can't be reached: {str(error)[:200]}", retryable=True)
