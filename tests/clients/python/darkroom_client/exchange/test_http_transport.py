"""The transports over httpx, on its in-memory one."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom_client import AsyncDarkroom, ConnectionFailed, Darkroom, InvalidResponse, RetryPolicy
from darkroom_client.exchange.http_transport import run_blocking
from tests.clients.python.scripted_transport import URL, a_job, done

ONCE = RetryPolicy(attempts=1)


def blocking(handler: Any, key: str | None = "dk_1") -> Darkroom:
    return Darkroom(f"{URL}/", key or "", retry=ONCE, http_transport=httpx.MockTransport(handler))


def raising(error: Exception) -> Any:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "reason", "sent"),
    [
        (
            httpx.ConnectError("[Errno 111] Connection refused."),
            "can't be reached: Connection refused.",
            False,
        ),
        (httpx.RemoteProtocolError(""), "can't be reached: RemoteProtocolError.", True),
        (httpx.ReadTimeout("late"), "did not answer in time.", True),
        (httpx.ConnectTimeout("late"), "did not answer in time.", False),
    ],
)
async def test_an_error_of_the_transport_is_named_by_both_clients(
    error: Exception, reason: str, sent: bool
) -> None:
    with pytest.raises(ConnectionFailed) as failed:
        blocking(raising(error)).jobs.get("job_1")
    assert (str(failed.value), failed.value.sent) == (f"{URL} {reason}", sent)
    async with AsyncDarkroom(URL, retry=ONCE, http_transport=httpx.MockTransport(raising(error))) as client:
        with pytest.raises(ConnectionFailed) as failed:
            await client.jobs.get("job_1")
    assert (str(failed.value), failed.value.sent) == (f"{URL} {reason}", sent)


def test_without_a_key_no_authorization_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DARKROOM_API_KEY", raising=False)
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=a_job())

    blocking(handler, None).jobs.get("job_1")
    assert "authorization" not in seen[0].headers


@pytest.mark.parametrize(("host", "sends"), [(URL, True), ("http://cdn.example", False)])
def test_the_key_is_sent_only_to_the_server_itself(tmp_path: Path, host: str, sends: bool) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1"):
            document = done()
            document["assets"][0]["url"] = f"{host}/0.png"
            return httpx.Response(200, json=document)
        assert ("authorization" in request.headers) is sends
        return httpx.Response(200, content=b"one")

    [picture] = blocking(handler).run("a cat", model="m")
    assert picture.save(tmp_path / "a.png").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_damaged_picture_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        content = {"json": done()} if request.url.path.startswith("/v1") else {"content": b"two"}
        return httpx.Response(200, **content)  # type: ignore[arg-type]

    [picture] = blocking(handler).run("a cat", model="m")
    with pytest.raises(InvalidResponse, match="damaged"):
        picture.save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        content = {"json": done()} if request.url.path.startswith("/v1") else {"content": b"one"}
        return httpx.Response(200, **content)  # type: ignore[arg-type]

    [picture] = blocking(handler).run("a cat", model="m")
    with pytest.raises(FileNotFoundError):
        picture.save(tmp_path / "nowhere" / "a.png")


def test_a_stream_that_is_left_early_is_closed() -> None:
    closed: list[bool] = []

    class Body(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            while True:
                yield b'id: 1\ndata: {"id": "job_1", "status": "queued"}\n\n'

        def close(self) -> None:
            closed.append(True)

    headers = {"content-type": "text/event-stream"}
    client = blocking(lambda request: httpx.Response(200, headers=headers, stream=Body()))
    events = client.iter_events("job_1")
    assert next(events).status == "queued"
    events.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_a_coroutine_that_suspends_is_no_synchronous_operation() -> None:
    with pytest.raises(RuntimeError, match="suspended"):
        run_blocking(asyncio.sleep(0))
