"""Check of the broker."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from tests.support.valkey import Valkey

Problems = Callable[..., list[dict[str, Any]]]


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_down_is_found(
    problems: Problems, monkeypatch: pytest.MonkeyPatch, free_port: int, scheme: str
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", f"{scheme}://me:secret@127.0.0.1:{free_port}//")
    [found] = problems("broker")
    assert "DARKROOM_BROKER_URL" in found["fix"]
    assert "secret" not in json.dumps(found)


def test_a_broker_that_evicts_messages_is_found(
    problems: Problems, monkeypatch: pytest.MonkeyPatch, valkey: Valkey, darkroom: Callable[..., int]
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", valkey.url)
    with Redis.from_url(valkey.url) as server:
        server.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "allkeys-lru" in problems("broker")[0]["message"]
        finally:
            server.config_set("maxmemory-policy", "noeviction")
    assert problems("broker") == []
