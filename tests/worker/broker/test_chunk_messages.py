"""Chunks are run by a message while the broker carries messages, and without one while it does not."""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from models.ids import new_id
from tests.worker.metrics.samples import sample
from worker.broker.broker_errors import UNKNOWN
from worker.broker.celery_app import ECHO, GENERATE
from worker.broker.chunk_messages import ChunkMessages


class Transport:
    """Stands for the sender's broker: it takes messages, echoes them, or refuses."""

    def __init__(self) -> None:
        self.refuses, self.echoes = False, True
        self.sent: list[str] = []
        self.ran: list[UUID] = []
        self.messages = ChunkMessages(self, "q", self.run, every=0, echo_timeout=0)  # type: ignore[arg-type]

    async def send(self, task: str, arguments: list[object], *, queue: str, timeout: float) -> None:
        if self.refuses:
            raise ConnectionError("refused")
        if task != ECHO:
            self.sent.append(task)
        elif self.echoes:
            self.messages.echo_received(str(arguments[0]))

    async def run(self, task: str, job_ids: Sequence[UUID], lease_token: UUID) -> None:
        self.ran += job_ids

    async def send_chunk(self) -> UUID:
        job_id = new_id()
        await self.messages.send_chunk(GENERATE, [job_id], new_id())
        await asyncio.sleep(0)
        return job_id

    async def check(self) -> None:
        """Measure whether the broker works, until it is known."""
        checking = asyncio.create_task(self.messages.check_forever())
        for _ in range(20):
            await asyncio.sleep(0)
        checking.cancel()


def last_echo() -> float:
    return sample("darkroom_canary_last_success_timestamp_seconds", queue="worker")


@pytest.fixture
def transport() -> Transport:
    return Transport()


async def test_a_chunk_is_run_here_until_a_message_has_come_back(transport: Transport) -> None:
    first = await transport.send_chunk()
    start = time.time()
    await transport.check()
    await transport.send_chunk()
    assert (transport.ran, transport.sent) == ([first], [GENERATE])
    assert last_echo() >= start


async def test_the_time_of_the_last_echo_stays_while_none_comes_back(transport: Transport) -> None:
    await transport.check()
    last = last_echo()
    transport.echoes = False
    await transport.check()
    transport.refuses = True
    await transport.check()
    assert last_echo() == last


async def test_a_chunk_that_the_broker_refuses_is_run_here(transport: Transport) -> None:
    await transport.check()
    transport.refuses = True
    job_id = await transport.send_chunk()
    assert transport.ran == [job_id]
    assert transport.messages.usable is False


async def test_chunks_whose_messages_do_not_come_back_are_run_here(transport: Transport) -> None:
    await transport.check()
    job_ids = [await transport.send_chunk(), await transport.send_chunk()]
    assert transport.ran == []
    transport.echoes = False
    await transport.check()
    assert transport.ran == job_ids


async def test_an_outage_is_logged_once_and_its_end_too(transport: Transport) -> None:
    await transport.check()
    with capture_logs() as logs:
        transport.refuses = True
        await transport.check()
        transport.refuses = False
        await transport.check()
        await transport.send_chunk()
    assert [entry["event"] for entry in logs] == [
        "the broker is unusable; jobs are started by the database alone",
        "the broker carries messages again",
    ]
    assert logs[0]["error"] == "refused"
    assert transport.sent == [GENERATE]


async def test_why_the_broker_is_unusable_is_known_until_it_is_usable_again(transport: Transport) -> None:
    assert transport.messages.error is None
    transport.refuses = True
    await transport.check()
    assert transport.messages.error == UNKNOWN
    transport.refuses, transport.echoes = False, False
    await transport.check()
    assert transport.messages.error == UNKNOWN  # a lost message says less than what came before
    transport.echoes = True
    await transport.check()
    assert transport.messages.error is None
