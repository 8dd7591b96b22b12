"""Long polls, polls of many jobs, and event streams."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from darkroom_client import ConnectionFailed, InvalidResponse, JobEvent, NotFound, WaitTimeout
from darkroom_client.exchange.messages import Request, Response
from tests.clients.python.scripted_transport import (
    URL,
    ScriptedTransport,
    a_job,
    client_of,
    client_on,
    done,
    ok,
    problem,
)


def query_of(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}


def test_following_a_job_yields_after_each_poll_until_it_is_settled() -> None:
    client, transport = client_on(
        ok(a_job(revision=1)), ok(a_job(revision=2, status="running")), ok(a_job(revision=3, status="held"))
    )
    assert [job.revision for job in client.follow("job_1", timeout=60)] == [1, 2, 3]
    queries = [query_of(request) for request in transport.requests]
    assert [query.get("after_revision") for query in queries] == [None, "1", "2"]
    assert queries[1]["wait"] == "30"
    assert transport.sleeps == []


def test_a_server_that_does_not_hold_requests_is_polled_by_its_retry_after() -> None:
    client, transport = client_on(ok(a_job(), retry_after="4"), ok(a_job(), retry_after="4"), ok(done()))
    assert client.wait("job_1").succeeded
    assert transport.sleeps == [4]


def test_a_server_that_holds_requests_is_polled_without_a_pause() -> None:
    def held(request: Request) -> float:
        return float(query_of(request).get("wait", 0))

    transport = ScriptedTransport([ok(a_job()), ok(a_job()), ok(done())], holds=held)
    assert client_of(transport).wait("job_1").succeeded
    assert transport.sleeps == []
    assert transport.clock == 60


def test_a_wait_ends_with_its_timeout() -> None:
    client, transport = client_on(ok(a_job(), retry_after="4"))
    with pytest.raises(WaitTimeout, match="10 s") as late:
        client.wait("job_1", timeout=10)
    assert isinstance(late.value, TimeoutError)
    assert late.value.job.id == "job_1"
    assert transport.clock == 10


@pytest.mark.parametrize("text", ["", "../keys", "job_1?", "job 1"])
def test_an_id_with_other_characters_is_not_found(text: str) -> None:
    client, transport = client_on(ok(a_job()))
    with pytest.raises(NotFound):
        client.wait(text)
    assert transport.requests == []


class Jobs:
    """Answers polls of many jobs: at each, some more are done."""

    def __init__(self, total: int, each: int) -> None:
        self.total, self.each, self.polls = total, each, 0

    def __call__(self, request: Request) -> Response:
        query = query_of(request)
        ids = query["ids"].split(",")
        if "status" in query:
            self.polls += 1
        finished = {f"job_{number}" for number in range(self.polls * self.each)}
        documents = [
            done(number) if job_id in finished else a_job(number)
            for job_id in ids
            if (number := int(job_id.removeprefix("job_"))) < self.total
            if "status" not in query or job_id in finished
        ]
        assert len(ids) <= 100
        return ok({"data": documents, "next": None})


class ServedTransport(ScriptedTransport):
    """Transport whose answers are made by a function."""

    def _next(self, request: Request) -> Any:
        self.requests.append(request)
        return self.answers[0](request)  # type: ignore[operator]


def test_many_jobs_are_yielded_once_each_as_they_finish() -> None:
    transport = ServedTransport([Jobs(250, each=40)])  # type: ignore[list-item]
    ids = [f"job_{number}" for number in range(250)]
    found = [job.id for job in client_of(transport).gather([*ids, "job_3"])]
    assert sorted(found) == sorted(ids)
    assert all(job in found[:80] for job in ids[:40])
    assert max(len(request.url) for request in transport.requests) < 4096


def test_a_job_that_does_not_exist_is_not_waited_for() -> None:
    transport = ServedTransport([Jobs(2, each=1)])  # type: ignore[list-item]
    with pytest.raises(NotFound, match="job_7"):
        list(client_of(transport).gather(["job_0", "job_7"]))


def test_gathering_ends_with_its_timeout() -> None:
    client, transport = client_on(ok({"data": [a_job()]}), ok({"data": []}), ok({"data": []}), ok(a_job()))
    with pytest.raises(WaitTimeout, match="1 jobs"):
        list(client.gather(["job_1"], timeout=0.5))
    assert transport.clock == 0.5


def test_nothing_is_sent_for_no_jobs() -> None:
    client, transport = client_on(ok({}))
    assert list(client.gather([])) == []
    assert transport.requests == []


def event(revision: int, status: str = "running") -> bytes:
    data = json.dumps({"id": "job_1", "revision": revision, "status": status, "progress": 0})
    return f"id: {revision}\ndata: {data}\n\n".encode()


def test_a_broken_stream_is_resumed_after_the_last_event() -> None:
    lost: Any = [event(1), event(2), event(3)[:9], ConnectionFailed("lost")]
    client, transport = client_on(
        lost, problem(503), [event(3)], [b": still here\n\n"], [event(4, "succeeded")]
    )
    events: list[JobEvent] = list(client.iter_events("job_1"))
    assert [each.revision for each in events] == [1, 2, 3, 4]
    ids = [request.headers.get("Last-Event-ID") for request in transport.requests]
    assert ids == [None, "2", "2", "3", "3"]
    assert transport.requests[0].url == f"{URL}/v1/jobs/job_1/events"


def test_a_finished_job_has_no_events_after_its_last() -> None:
    client, transport = client_on(Response(204))
    assert list(client.iter_events("job_1", after=4)) == []
    assert transport.requests[0].headers["Last-Event-ID"] == "4"


def test_a_stream_that_always_breaks_ends_with_an_error() -> None:
    client, transport = client_on([b"retry: 1000\n\n"])
    with pytest.raises(ConnectionFailed, match="again and again"):
        list(client.iter_events("job_1"))
    assert len(transport.requests) == 6


def test_the_stream_of_many_jobs_names_its_conditions_and_goes_on_after_a_finished_job() -> None:
    client, transport = client_on([event(1, "succeeded"), event(2)], problem(401))
    events = client.iter_events(campaign="night 1")
    assert [next(events).status, next(events).status] == ["succeeded", "running"]
    assert transport.requests[0].url == f"{URL}/v1/events?campaign=night%201"


def test_a_page_instead_of_a_stream_is_an_invalid_response() -> None:
    client, _ = client_on(Response(200, {"content-type": "text/html"}, b"<html>"))
    with pytest.raises(InvalidResponse, match="DARKROOM_URL"):
        list(client.iter_events("job_1"))
