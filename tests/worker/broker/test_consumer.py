"""The consumer is built again whenever Celery gives up, and stops when it is told to."""

from threading import Event

import pytest
from celery import Celery
from redis import Redis

from models.addresses.broker import parse_broker
from tests.support.processes import free_port
from tests.support.valkey import serve_valkey
from worker.broker.celery_app import allow_control, broker_app
from worker.broker.consumer import Consumer

pytestmark = pytest.mark.slow(reason="Celery notices within seconds, and the back-off takes some more")


def app_with_task(url: str) -> tuple[Celery, Event]:
    received, app = Event(), broker_app(parse_broker(url))
    app.task(name="note", shared=False)(received.set)
    app.finalize()
    return app, received


def test_messages_are_received_again_after_the_server_was_a_replica_and_was_restarted() -> None:
    with serve_valkey() as server:
        app, received = app_with_task(server.url)
        consumer = Consumer(app)
        consumer.start()
        assert consumer.ready.wait(30)
        with Redis(port=server.port) as client:
            client.replicaof("127.0.0.1", "1")
            server.stop()  # the consumer connects again, to a replica
            server.start()
        app.send_task("note", ignore_result=True)
        assert received.wait(30)
        consumer.stop()
        assert consumer.join(10)


def test_a_consumer_without_a_server_stops_at_once() -> None:
    app, _ = app_with_task(f"redis://127.0.0.1:{free_port()}/0")
    consumer = Consumer(app)
    consumer.start()
    assert not consumer.ready.wait(1)
    consumer.stop()
    assert consumer.join(10)


@pytest.mark.parametrize("events", [True, False])
def test_remote_control_answers_only_if_it_is_switched_on(events: bool) -> None:
    with serve_valkey() as server:
        app, _ = app_with_task(server.url)
        if events:
            allow_control(app)
        consumer = Consumer(app, events=events)
        consumer.start()
        assert consumer.ready.wait(30)
        answers = app.control.inspect(timeout=5 if events else 1).registered() or {}
        consumer.stop()
        assert consumer.join(10)
    assert list(answers.values()) == ([["note"]] if events else [])
    assert all(name.startswith("darkroom-") for name in answers)
