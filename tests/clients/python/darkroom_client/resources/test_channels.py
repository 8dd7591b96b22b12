"""Operations on channels."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients.python.scripted_transport import URL, client_on, ok

CHANNEL = {"name": "one/1", "state": "paused", "detail": "tea"}


@pytest.mark.parametrize(
    ("given", "verb", "sent"),
    [
        ({}, "pause", {}),
        ({"reason": "tea", "duration": 600}, "pause", {"reason": "tea", "duration": 600}),
        (
            {"until": datetime(2099, 1, 1, tzinfo=UTC), "drain": True},
            "drain",
            {"until": "2099-01-01T00:00:00+00:00"},
        ),
        ({"model": "gpt-image"}, "pause", {"model": "gpt-image"}),
    ],
)
def test_a_pause_sends_what_is_given_and_nothing_else(
    given: dict[str, Any], verb: str, sent: dict[str, Any]
) -> None:
    client, transport = client_on(ok(CHANNEL))
    assert client.channels.pause("one/1", **given).detail == "tea"
    [request] = transport.requests
    assert (request.method, request.url) == ("POST", f"{URL}/v1/channels/one%2F1/{verb}")
    assert json.loads(request.content or b"{}") == sent
