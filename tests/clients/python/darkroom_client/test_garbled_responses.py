"""Any response that is cut or garbled gives a result or an error of the client's own, never another."""

import contextlib
import json
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom_client import DarkroomError, InvalidResponse
from darkroom_client.exchange.messages import Response
from tests.clients.python.darkroom_client.campaigns.made import a_campaign, an_item
from tests.clients.python.scripted_transport import a_job, client_on, done

PAGE = {"data": [a_job(), done(2)], "next": None}
BATCH = {"accepted": [{"index": 0, "id": "job_1", "warnings": [{"code": "x"}]}], "rejected": [{"index": 1}]}
PROBLEM = {"status": 422, "detail": "No.", "errors": [{"field": "size", "message": "…"}], "request_id": "r"}
RESULT = {"matched": 1, "eligible": 1, "changed": 1, "samples": ["job_1"], "more": False}
MODELS = {"data": [{"id": "m", "x_channels": [{"name": "c"}]}]}
EVENT = {"id": "job_1", "revision": 6, "status": "succeeded", "progress": 100, "at": "2026-01-01T00:00:00Z"}
CAMPAIGN = a_campaign("paused") | {"paused": {"reason": "budget", "detail": "", "until": None}}
PLAN = {"items": 1, "samples": [{"key": "a", "images": ["x"]}], "cost": {"p50": "1"}, "warnings": [{}]}
ACTION = {"id": "action_1", "eligible": 1, "skipped": [{"reason": "open", "count": 1}], "cost": {"p50": None}}
ITEMS = {"data": [an_item(1, job=None)], "next": None}

CALLS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "job": (done(), lambda client: client.jobs.get("job_1")),
    "run": (done(), lambda client: client.run("a cat", model="m", timeout=60)),
    "page": (PAGE, lambda client: list(client.jobs.list(limit=2))),
    "gather": (PAGE, lambda client: list(client.gather(["job_1", "job_2"], timeout=3))),
    "batch": (BATCH, lambda client: client.submit_many([{"prompt": "a", "model": "m"}] * 2)),
    "bulk": (RESULT, lambda client: client.jobs.cancel_many(campaign="x")),
    "campaign": (CAMPAIGN, lambda client: client.campaign("spring").state().needs),
    "plan": (PLAN, lambda client: client.campaign("spring").plan()),
    "action": (ACTION, lambda client: client.campaign("spring").undo_verdicts()),
    "items": (ITEMS, lambda client: list(client.campaign("spring").items(limit=2))),
    "models": (MODELS, lambda client: list(client.models.list())),
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where all members of a document are."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(each for name, member in members for each in paths_in(member, (*path, name)))]


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """Return a document with another value in one place."""
    if not path:
        return by
    first, *others = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[first] = replaced(value[first], tuple(others), by)
    return copy


def typed(call: Callable[[Any], Any], response: Response) -> None:
    """Call; errors of the client's own are fine."""
    client, _ = client_on(response)
    with contextlib.suppress(DarkroomError):
        call(client)


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
def test_a_document_with_any_value_in_any_place_gives_a_result_or_a_typed_error(
    name: str, data: st.DataObject
) -> None:
    document, call = CALLS[name]
    path = data.draw(st.sampled_from(paths_in(document)))
    typed(call, Response(200, {}, json.dumps(replaced(document, path, data.draw(ANYTHING))).encode()))


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data(), status=st.sampled_from([200, 202, 206, 304, 400, 401, 404, 409, 422, 500, 503, 999]))
def test_a_response_that_is_cut_or_has_other_bytes_gives_a_typed_error(
    name: str, data: st.DataObject, status: int
) -> None:
    document, call = CALLS[name]
    content = json.dumps(document if status < 300 else PROBLEM).encode()
    start = data.draw(st.integers(0, len(content)))
    garbage = data.draw(st.binary(max_size=9))
    retry_after = data.draw(st.sampled_from(["1", "-1", "soon", "", "9" * 99, "Thu, 99 Foo 2026"]))
    typed(call, Response(status, {"retry-after": retry_after}, content[:start] + garbage))


@pytest.mark.parametrize("cut", range(0, len(json.dumps(done())) - 1, 7))
def test_a_job_that_is_cut_anywhere_is_an_invalid_response(cut: int) -> None:
    client, _ = client_on(Response(200, {}, json.dumps(done()).encode()[:cut]))
    with pytest.raises(InvalidResponse, match="DARKROOM_URL"):
        client.jobs.get("job_1")


@given(data=st.data())
def test_a_garbled_event_stream_gives_events_or_a_typed_error(data: st.DataObject) -> None:
    content = b"id: 6\ndata: " + json.dumps(EVENT).encode() + b"\n\n"
    start = data.draw(st.integers(0, len(content)))
    garbled = content[:start] + data.draw(st.binary(max_size=9)) + content[start:]
    client, _ = client_on([garbled])
    with contextlib.suppress(DarkroomError):
        assert all(event.job_id for event in islice(client.iter_events("job_1"), 5))
