"""HTTP requests of a process are observed by their client, host and outcome."""

import asyncio
from collections.abc import Sequence

import aiohttp
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from models.errors import ImageError
from tests.worker.download.hosts import serve
from tests.worker.metrics.samples import sample
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.metrics.http_metrics import timed_requests
from worker.upstream.transport.connection import open_session

HERE = "127.0.0.1"


def requests(client: str, *labels: str) -> float:
    """Return how many requests had this method, host, status and error."""
    names = ("http_request_method", "server_address", "http_response_status_code", "error_type")
    given = dict(zip(names, labels, strict=True))
    return sample("http_client_request_duration_seconds_count", client=client, **given)


def session(client: str, servers: Sequence[str] = ()) -> aiohttp.ClientSession:
    return open_session(limit=2, middlewares=[timed_requests(client, servers)])


async def answer(request: web.Request) -> web.Response:
    return web.Response(status=int(request.query["status"]))


async def test_a_response_is_observed_by_its_status_which_is_the_error_from_400_on() -> None:
    async with serve(answer) as origin, session("by status", [HERE]) as by:
        for status in (200, 200, 302, 429, 799):
            async with by.post(f"{origin}/", params={"status": status}, allow_redirects=False):
                pass
    assert requests("by status", "POST", HERE, "200", "") == 2
    assert requests("by status", "POST", HERE, "302", "") == 1
    assert requests("by status", "POST", HERE, "429", "429") == 1
    assert requests("by status", "POST", HERE, "other", "other") == 1


async def test_hosts_that_no_setting_names_are_one_series() -> None:
    async with (
        serve(answer) as origin,
        session("of others", ["provider.example"]) as by,
        by.get(f"{origin}/", params={"status": 200}),
    ):
        pass
    assert requests("of others", "GET", "other", "200", "") == 1


async def test_a_host_that_does_not_take_the_connection_or_ends_it_is_an_error_of_its_own_kind() -> None:
    async def drop(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with serve(drop) as origin, session("failing") as by:
        with pytest.raises(aiohttp.ClientConnectionError):
            await by.post(f"{origin}/", data=b"x")
        with pytest.raises(aiohttp.ClientConnectorError):
            await by.post(f"http://{HERE}:{unused_port()}/")
        with pytest.raises(aiohttp.ClientConnectorDNSError):
            await by.post("http://nowhere.invalid/")
    for error in ("disconnected", "connect", "dns"):
        assert requests("failing", "POST", "other", "", error) == 1


async def test_a_request_that_is_given_up_is_cancelled() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        begun.set()
        await ended.wait()
        return web.Response()

    async with serve(hang) as origin, session("patient") as by:
        request = asyncio.create_task(by.get(origin))
        await begun.wait()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        ended.set()
    assert requests("patient", "GET", "other", "", "cancelled") == 1


async def test_an_address_that_the_guard_refuses_is_blocked_and_an_allowed_one_is_not() -> None:
    async with serve(answer) as origin:
        for allow in (AllowList.parse([f"{HERE}/32"]), AllowList()):
            client = open_download_client(allow, 1, middlewares=[timed_requests("guarded")])
            async with client:
                try:
                    await client.get(f"{origin}/?status=204")
                except (ImageError, httpx.HTTPError):
                    assert not allow.networks
    assert requests("guarded", "GET", "other", "204", "") == 1
    assert requests("guarded", "GET", "other", "", "blocked") == 1
