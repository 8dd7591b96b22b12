"""Histogram of HTTP requests that this process makes: to providers, image hosts and webhook receivers.

Name and labels are those of OpenTelemetry's conventions of HTTP clients. Addresses that clients or providers
choose are one series, ``other``.
"""

import time
from collections.abc import Collection
from http import HTTPStatus

import aiohttp
from prometheus_client import Histogram

from models.errors import ImageError
from worker.metrics.buckets import CALL
from worker.metrics.labels import OTHER

_seconds = Histogram(
    "http_client_request_duration_seconds",
    "From a request to the headers of its response, or to the error",
    ["client", "http_request_method", "server_address", "http_response_status_code", "error_type"],
    buckets=(0.05, 0.1, 0.25, *CALL),
)
_STATUSES = frozenset(status.value for status in HTTPStatus)
_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (ImageError, "blocked"),  # by the SSRF guard
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientSSLError, "tls"),
    (TimeoutError, "timeout"),  # to connect; all other limits of time cancel the request
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.ServerDisconnectedError, "disconnected"),
    (aiohttp.ClientOSError, "disconnected"),
    (aiohttp.ClientError, "protocol"),
)


def timed_requests(client: str, servers: Collection[str | None] = ()) -> aiohttp.ClientMiddlewareType:
    """Return a middleware of aiohttp that observes each request.

    ``client``: ``provider``, ``download``, ``webhook`` or ``login``. ``servers``: hosts that get series of
    their own.
    """
    named = frozenset(servers)

    async def observe(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        host, status, error = request.url.host, "", "cancelled"
        start = time.perf_counter()
        try:
            response = await handler(request)
            status, error = _status_of(response)
            return response
        except Exception as failure:
            error = next((word for kind, word in _ERRORS if isinstance(failure, kind)), OTHER)
            raise
        finally:
            labels = client, request.method, host if host in named else OTHER, status, error
            _seconds.labels(*labels).observe(time.perf_counter() - start)

    return observe


def _status_of(response: aiohttp.ClientResponse) -> tuple[str, str]:
    """Return the labels of a response: its status, which is the error, too, from 400 on."""
    status = str(response.status) if response.status in _STATUSES else OTHER
    return status, status if response.status >= HTTPStatus.BAD_REQUEST else ""
