"""RabbitMQ: restarts, a full memory and refused users lose no job, and pay none twice."""

import re
from collections.abc import Iterator
from functools import partial

import pytest

from tests.deploy.conftest import PROMPTS, FleetOn, check_all_succeeded
from tests.support.fleet import Fleet
from tests.support.processes import until
from tests.support.rabbitmq import RabbitMq, serve_rabbitmq

pytestmark = [pytest.mark.deploy, pytest.mark.slow(reason="RabbitMQ takes seconds to start")]
AGAIN = "the broker carries messages again"


@pytest.fixture
def rabbitmq() -> Iterator[RabbitMq]:
    with serve_rabbitmq() as server:
        yield server


def counted(fleet: Fleet, words: str, times: int) -> bool:
    return fleet.workers[0].log_tail(100_000).count(words) == times


def unacknowledged(server: RabbitMq) -> int:
    listed = server.control("list_queues", "--quiet", "messages_unacknowledged")
    return sum(int(number) for number in re.findall(r"^\d+$", listed, re.MULTILINE))


def test_restarts_in_the_middle_of_calls_hang_no_worker(fleet_on: FleetOn, rabbitmq: RabbitMq) -> None:
    fleet = fleet_on(rabbitmq.url(), delay=0.5)
    [worker] = fleet.workers
    done = []
    for batch in range(3):
        prompts = [f"picture {number} of batch {batch}" for number in range(20)]
        fleet.client.submit(prompts)
        fleet.practice.wait_in_flight(4)
        rabbitmq.stop()
        rabbitmq.start()
        done += prompts
        check_all_succeeded(fleet, done)
        until(partial(counted, fleet, AGAIN, batch + 1), within=60, what="messages are used again")
    fleet.client.submit(["the last one"])
    check_all_succeeded(fleet, [*done, "the last one"])
    until(lambda: unacknowledged(rabbitmq) == 0, within=30, what="all messages are acknowledged", every=1)
    assert worker.stop() == 0


def test_a_server_that_blocks_publishers_holds_up_no_job(fleet_on: FleetOn, rabbitmq: RabbitMq) -> None:
    fleet = fleet_on(rabbitmq.url())
    fleet.client.submit(PROMPTS)
    fleet.practice.wait_in_flight(4)
    rabbitmq.control("set_vm_memory_high_watermark", "0.00000001")
    check_all_succeeded(fleet)
    rabbitmq.control("set_vm_memory_high_watermark", "0.8")
    fleet.client.submit(["the last one"])
    check_all_succeeded(fleet, [*PROMPTS, "the last one"])


def test_a_vhost_that_does_not_exist_fills_no_log(fleet_on: FleetOn, rabbitmq: RabbitMq) -> None:
    fleet = fleet_on(rabbitmq.url("nowhere"))
    [worker] = fleet.workers
    fleet.client.submit(PROMPTS)
    check_all_succeeded(fleet)
    until(lambda: "vhost" in worker.log_tail(50_000), within=30, what="the worker says why")
    assert len(worker.log_tail(100_000).splitlines()) < 30
