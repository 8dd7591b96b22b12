"""One message to one receiver, without a database: errors become problems in plain words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from models.clock import now
from tests.support.receiver import Receiver
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.webhooks.sender import Message, Sender

HERE = AllowList.parse(["127.0.0.0/8"])


@asynccontextmanager
async def sender(allow: AllowList = HERE) -> AsyncIterator[Sender]:
    """Open a sender with a timeout of half a second."""
    async with open_download_client(allow) as client:
        yield Sender(client, allow, timeout=timedelta(seconds=0.5), clock=now)


def message(url: str) -> Message:
    return Message(url, {"webhook-id": "delivery_1"}, b"{}")


async def test_a_message_is_posted_as_json_and_the_start_of_the_response_is_kept(
    receiver: Receiver,
) -> None:
    async with sender() as by:
        answer = await by.send(message(receiver.url))
    (got,) = receiver.messages
    assert (answer.http_status, answer.problem, answer.body_start) == (200, None, "thanks")
    assert got.body == b"{}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Darkroom/")
    assert got.id == "delivery_1"


async def test_only_2xx_is_success(receiver: Receiver) -> None:
    receiver.responses = [204, 299, 304, 400, 500]
    async with sender() as by:
        answers = [await by.send(message(receiver.url)) for _ in range(5)]
    assert [answer.problem is None for answer in answers] == [True, True, False, False, False]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.responses = [(status, {"Location": f"{receiver.url}/elsewhere"})]
    async with sender() as by:
        answer = await by.send(message(receiver.url))
    assert [got.path for got in receiver.messages] == ["/hook"]
    assert (answer.problem or "").startswith("redirect_refused")


async def test_a_receiver_that_hangs_is_a_timeout(receiver: Receiver) -> None:
    receiver.hangs = asyncio.Event()
    async with sender() as by:
        answer = await by.send(message(receiver.url))
    assert answer.problem == "The receiver did not answer within 0.5 s."


async def test_a_late_2xx_with_an_unfinished_body_is_a_delivery(
    receiver: Receiver,
) -> None:
    receiver.stalls, receiver.hangs = True, asyncio.Event()
    async with sender() as by:
        asyncio.get_running_loop().call_later(0.35, receiver.hangs.set)
        answer = await by.send(message(receiver.url))
    assert (answer.http_status, answer.problem) == (200, None)


async def test_a_2xx_with_an_unfinished_body_is_a_delivery(receiver: Receiver) -> None:
    receiver.stalls = True
    async with sender() as by:
        answer = await by.send(message(receiver.url))
    assert (answer.http_status, answer.problem) == (200, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_not_reached_unless_it_is_allowed(receiver: Receiver, host: str) -> None:
    async with sender(AllowList()) as by:
        answer = await by.send(message(f"http://{host}:{receiver.port}/hook"))
    assert receiver.messages == []
    assert "DARKROOM_ALLOW_PRIVATE" in (answer.problem or "")


async def test_a_receiver_that_cannot_be_reached_is_reported_as_such(receiver: Receiver) -> None:
    await receiver.stop()
    async with sender() as by:
        answer = await by.send(message(receiver.url))
    assert answer.http_status is None
    assert "can't be reached" in (answer.problem or "")


@pytest.mark.parametrize(
    ("value", "wait"),
    [("7", timedelta(seconds=7)), ("0.5", timedelta(seconds=0.5)), ("soon", None), (None, None)],
)
async def test_the_retry_after_header_of_a_response_is_reported(
    receiver: Receiver, value: str | None, wait: timedelta | None
) -> None:
    receiver.responses = [(503, {} if value is None else {"Retry-After": value})]
    async with sender() as by:
        answer = await by.send(message(receiver.url))
    assert (answer.http_status, answer.retry_after) == (503, wait)
