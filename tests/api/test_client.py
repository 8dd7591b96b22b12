"""Client of the native API, on an in-memory transport."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.client import DarkroomClient, WebhookClient, segment
from api.client_errors import Refused, Unreachable
from tests.api.cli.scripted_server import a_job

URL = "http://darkroom.example"


class Exchange:
    """Answers requests in turn and records them; the last response repeats."""

    def __init__(self, *responses: httpx.Response | Exception) -> None:
        self.responses = list(responses)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, Exception):
            raise response
        return response


def client(exchange: Callable[[httpx.Request], httpx.Response], key: str | None = "dk_1") -> DarkroomClient:
    """Return a client whose requests ``exchange`` answers."""
    return DarkroomClient(f"{URL}/", key, transport=httpx.MockTransport(exchange))


def ok(document: Any) -> httpx.Response:
    """Return a response with a JSON document."""
    return httpx.Response(200, json=document)


def page(numbers: range, following: str | None) -> httpx.Response:
    """Return a page of jobs."""
    return ok({"data": [a_job(number) for number in numbers], "next": following})


def test_a_job_is_submitted_with_the_key_and_the_idempotency_key() -> None:
    exchange = Exchange(ok(a_job()))
    assert client(exchange).submit({"model": "m"}, idempotency_key="once")["id"] == "job_1"
    [request] = exchange.requests
    assert (request.method, str(request.url)) == ("POST", f"{URL}/v1/jobs")
    assert (request.headers["authorization"], request.headers["idempotency-key"]) == ("Bearer dk_1", "once")
    assert json.loads(request.content) == {"model": "m"}


def test_without_a_key_no_authorization_is_sent() -> None:
    exchange = Exchange(ok(a_job()))
    client(exchange, None).job("job_1")
    assert "authorization" not in exchange.requests[0].headers


def test_following_a_job_yields_each_revision_until_it_is_settled() -> None:
    exchange = Exchange(
        ok(a_job(revision=1)),
        ok(a_job(revision=1)),
        ok(a_job(revision=2, status="running")),
        ok(a_job(revision=3, status="held")),
    )
    seen = [job["revision"] for job in client(exchange).follow("job_1", timeout=60)]
    assert seen == [1, 2, 3]
    assert [request.url.params.get("after_revision") for request in exchange.requests] == [
        None,
        "1",
        "1",
        "2",
    ]
    assert int(exchange.requests[1].url.params["wait"]) <= 30


def test_following_a_job_ends_with_a_timeout() -> None:
    following = client(Exchange(ok(a_job()))).follow("job_1", timeout=0)
    assert next(following)["id"] == "job_1"
    with pytest.raises(TimeoutError):
        next(following)


def test_jobs_are_read_page_by_page_up_to_the_limit() -> None:
    exchange = Exchange(page(range(100), "job_99"), page(range(100, 120), "job_119"))
    assert len(list(client(exchange).jobs(limit=120, status="held", model=None))) == 120
    assert [dict(request.url.params) for request in exchange.requests] == [
        {"status": "held", "limit": "100"},
        {"status": "held", "before": "job_99", "limit": "20"},
    ]


def test_a_last_page_ends_the_list_before_the_limit() -> None:
    exchange = Exchange(page(range(3), None))
    assert len(list(client(exchange).jobs(limit=1000))) == 3
    assert len(exchange.requests) == 1


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx.Response(409, json={"title": "Conflict", "detail": "It is finished."}), "It is finished."),
        (httpx.Response(409, json={"title": "Conflict"}), "Conflict"),
        (httpx.Response(409, json={}), "The server answered 409."),
        (httpx.Response(502, text="<html>"), "The server answered 502 Bad Gateway."),
    ],
)
def test_an_error_response_raises_its_most_precise_text(response: httpx.Response, message: str) -> None:
    with pytest.raises(Refused) as refused:
        client(Exchange(response)).job("job_1")
    assert (refused.value.status, refused.value.message) == (response.status_code, message)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused."), "can't be reached: Connection refused."),
        (httpx.RemoteProtocolError(""), "can't be reached: RemoteProtocolError."),
        (httpx.ReadTimeout("late"), "did not answer in time."),
    ],
)
def test_a_transport_error_is_unreachable_with_its_reason(error: Exception, reason: str) -> None:
    with pytest.raises(Unreachable) as unreachable:
        client(Exchange(error)).job("job_1")
    assert str(unreachable.value) == f"{URL} {reason}"


def test_a_success_without_json_is_not_darkroom_s() -> None:
    with pytest.raises(Unreachable, match="DARKROOM_URL"):
        client(Exchange(httpx.Response(200, text="<html>"))).job("job_1")


@pytest.mark.parametrize(
    ("response", "ready"),
    [(httpx.Response(200), True), (httpx.Response(503), False), (httpx.ConnectError(""), False)],
)
def test_a_server_is_ready_if_its_readiness_check_succeeds(
    response: httpx.Response | Exception, ready: bool
) -> None:
    assert client(Exchange(response)).ready() is ready


@pytest.mark.parametrize(
    ("url", "authorization"), [(f"{URL}/assets/t/0.png", "Bearer dk_1"), ("http://cdn.example/0.png", "")]
)
def test_a_download_sends_the_key_only_to_the_server_itself(
    tmp_path: Path, url: str, authorization: str
) -> None:
    exchange = Exchange(httpx.Response(200, content=b"one"))
    client(exchange).download(url, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"one"
    assert exchange.requests[0].headers["authorization"] == authorization


def test_a_failed_download_creates_no_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="can't be fetched"):
        client(Exchange(httpx.Response(404))).download(f"{URL}/assets/t/0.png", tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "../keys", "job_1?", "job 1"])
def test_an_id_with_other_characters_is_not_found(text: str) -> None:
    with pytest.raises(Refused) as refused:
        segment(text)
    assert refused.value.status == 404


def test_a_webhook_test_returns_its_delivery_as_it_is_after_the_timeout() -> None:
    exchange = Exchange(ok({"id": "delivery_1", "status": "pending"}))
    assert WebhookClient(client(exchange)).test("webhook_1", timeout=0)["status"] == "pending"
    assert [request.method for request in exchange.requests] == ["POST"]


def test_deleting_a_webhook_needs_no_response_body() -> None:
    exchange = Exchange(httpx.Response(204))
    WebhookClient(client(exchange)).delete("webhook_1")
    assert str(exchange.requests[0].url) == f"{URL}/v1/webhooks/webhook_1"
