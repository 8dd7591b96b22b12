"""A message goes through a broker and comes back, and leaves nothing there."""

import pytest
from redis import Redis

from models.addresses.broker import parse_broker
from worker.broker.round_trip import open_broker


def test_a_message_comes_back_and_its_queue_is_gone(broker_url: str) -> None:
    with open_broker(parse_broker(broker_url), timeout=3) as broker:
        broker.send_and_receive()
        assert broker.eviction_policy() == "noeviction"
    with Redis.from_url(broker_url) as server:
        assert [key for key in server.keys("*") if b"check" in key] == []


def test_a_server_that_only_answers_is_not_enough(broker_url: str) -> None:
    with Redis.from_url(broker_url) as server:
        rule = ["on", ">a-password-of-redis", "~*", "+@all", "-lpush"]
        server.execute_command("ACL", "SETUSER", "no-push", "reset", *rule)
    url = broker_url.replace("redis://", "redis://no-push:a-password-of-redis@")
    with (
        pytest.raises(Exception, match=r"(?i)permission"),
        open_broker(parse_broker(url), timeout=3) as broker,
    ):
        broker.send_and_receive()
