"""Webhook sender: one POST to one receiver, through the client with the SSRF guard."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

import aiohttp
import httpx

from models.clock import Clock
from models.errors import ImageError
from models.queries.bulk import storable
from worker.download.ssrf import AllowList, check_host
from worker.upstream.response_headers import http_retry_after
from worker.webhooks.retry_schedule import GONE, ReceiverResponse

_LOGGED_BYTES = 1024  # of a response body, for the delivery log
_BODY_TIMEOUT = 0.25  # seconds for them, once the status has come
_AFTER_STATUS = 1.0  # seconds for all that comes after the status
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USER_AGENT = f"Darkroom/{version('darkroom')}"


@dataclass(frozen=True, slots=True)
class Message:
    """A request to send: a JSON body with its signed headers."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Sender:
    """Sends messages; errors become a response with a problem in plain words, never an exception."""

    def __init__(
        self, client: httpx.AsyncClient, allow: AllowList, *, timeout: timedelta, clock: Clock
    ) -> None:
        self._client, self._allow, self._timeout, self._clock = client, allow, timeout, clock

    async def send(self, message: Message) -> ReceiverResponse:
        """Send a message and read the beginning of the response, all within the timeout."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(self._timeout.total_seconds()) as limit:
                return await self._post(message, limit, lambda: round(loop.time() - started, 3))
        except TimeoutError:
            problem = f"The receiver did not answer within {self._timeout.total_seconds():g} s."
        except ImageError as error:
            problem = error.message
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, UnicodeError, OSError) as error:
            problem = _explain(error)
        return ReceiverResponse(None, problem, seconds=round(loop.time() - started, 3))

    async def _post(
        self, message: Message, limit: asyncio.Timeout, elapsed: Callable[[], float]
    ) -> ReceiverResponse:
        target = httpx.URL(message.url)
        check_host(target.host, self._allow)
        headers = {"content-type": "application/json", "user-agent": _USER_AGENT, **message.headers}
        async with self._client.stream(
            "POST", target, content=message.body, headers=headers, timeout=None, auth=None
        ) as response:
            limit.reschedule(asyncio.get_running_loop().time() + _AFTER_STATUS)  # it has answered in time
            body_start = await _read_start(response)
        wait = http_retry_after(response.headers.get("retry-after"), self._clock())
        return ReceiverResponse(
            response.status_code,
            _problem(response),
            None if wait is None else timedelta(seconds=wait),
            storable(body_start.decode("utf-8", "replace")),
            elapsed(),
        )


async def _read_start(response: httpx.Response) -> bytes:
    """Read the beginning of a body. The status has come: an error in the rest does not matter."""
    start = b""
    with contextlib.suppress(TimeoutError, httpx.HTTPError, aiohttp.ClientError):
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in response.aiter_raw():
                start += chunk
                if len(start) >= _LOGGED_BYTES:
                    break
    return start[:_LOGGED_BYTES]


def _problem(response: httpx.Response) -> str | None:
    """Return why a response is a failure; ``None`` for 2xx."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    if status in _REDIRECTS:
        place = storable(response.headers.get("location", "nowhere"))[:300]
        return (
            f"redirect_refused: the receiver redirects (HTTP {status}) to {place}; give that address itself."
        )
    if status == GONE:
        return "The receiver answered HTTP 410: it wants no more."
    return f"The receiver answered HTTP {status}."


def _explain(error: Exception) -> str:
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | UnicodeError):
        return "The address can't be used: write an http(s) URL."
    cause = error.__cause__ or error
    if isinstance(cause, aiohttp.ClientConnectorError):
        reason = getattr(getattr(cause, "os_error", None), "strerror", None) or str(cause)
        return f"The receiver can't be reached: {storable(reason)[:200]}."
    return f"The connection ended before the receiver answered: {storable(str(cause))[:200]}."
