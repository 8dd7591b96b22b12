"""One client's session: builds requests, sends them with retries, reads the JSON of responses."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from darkroom_client.configuration import Configuration
from darkroom_client.errors import ApiError, DarkroomError, NotFound, Unauthorized
from darkroom_client.exchange.messages import NO_HEADERS, Request, Response, read_json, read_problem
from darkroom_client.exchange.transport import Transport
from darkroom_client.version import __version__

M = TypeVar("M", bound=Transport)
_JSON = "application/json"
_READS = frozenset({"GET", "HEAD"})
_NO_KEY = "There is no API key: set DARKROOM_API_KEY, or give api_key=…."


@dataclass(frozen=True, slots=True)
class Session(Generic[M]):
    """Settings and transport of a client."""

    configuration: Configuration
    transport: M
    chance: Callable[[], float] = random.random  #: from 0 to 1, for jitter and idempotency keys

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] = NO_HEADERS,
        wait: float = 0,
        repeatable: bool = False,
    ) -> Request:
        """Return a request to the server. ``body`` is sent as JSON, bytes as they are.

        A list in ``query`` is a parameter that is given several times.
        ``wait``: seconds that the server may take besides; ``repeatable``: executing it twice does no more
        than once (a GET never does).
        """
        url = path if path.startswith(("http://", "https://")) else self.configuration.base_url + path
        chosen = {name: value for name, value in (query or {}).items() if value is not None}
        if chosen:
            url = f"{url}?{urlencode(chosen, doseq=True, quote_via=quote, safe=',')}"
        content, media_type = _encode(body)
        return Request(
            method,
            url,
            {**self._headers(url), **media_type, **headers},
            content,
            self.configuration.timeout + wait,
            repeatable or method in _READS,
        )

    def _headers(self, url: str) -> dict[str, str]:
        headers = {"User-Agent": f"darkroom-client/{__version__}", "Accept": "*/*"}
        parts = urlsplit(url)
        if self.configuration.api_key and (parts.scheme, parts.netloc) == self.configuration.origin:
            headers["Authorization"] = f"Bearer {self.configuration.api_key}"
        return headers

    async def send(self, request: Request) -> Response:
        """Return the successful response of a request, sent again as the policy says.

        Raises ``ApiError`` and ``ConnectionFailed``.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                response = await self.transport.send(request)
                if not response.is_success:
                    raise self._error_of(response)
                return response
            except DarkroomError as error:
                await self.back_off(attempt, error, repeatable=request.repeatable)

    def _error_of(self, response: Response) -> ApiError:
        """Return the error of a response; without a key, it names where a key is taken from."""
        error = read_problem(response)
        if isinstance(error, Unauthorized) and not self.configuration.api_key:
            return Unauthorized(error.status, _NO_KEY, code=error.code, request_id=error.request_id)
        return error

    async def back_off(self, attempt: int, error: DarkroomError, *, repeatable: bool) -> None:
        """Wait before another attempt; raises the error if there is none."""
        pause = self.configuration.retry.pause(attempt, error, repeatable=repeatable, chance=self.chance())
        if pause is None:
            raise error
        await self.transport.sleep(pause)

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON of a response; the options are those of ``request``."""
        return read_json(await self.send(self.request(method, path, **options)))


def _encode(body: Any) -> tuple[bytes | None, dict[str, str]]:
    if body is None:
        return None, {}
    if isinstance(body, bytes):
        return body, {"Content-Type": "application/octet-stream"}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), {"Content-Type": _JSON}


def segment(text: str, kind: str = "job") -> str:
    """Return an id as a segment of a path; raises ``NotFound`` if it has other characters than an id."""
    if not text or not all(character.isalnum() or character in "_-" for character in text):
        raise NotFound(404, f"There is no {kind} {text[:64]!r}.", code="not_found")
    return quote(text)
