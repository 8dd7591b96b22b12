"""Reading the body of a request: limits, the budget of its caller, and the end of its client."""

import asyncio
from collections.abc import Iterable

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from api.web.body_budget import BodyBudget
from api.web.problems import Problem
from api.web.request_body import BodyLimit, RequestBody, body_of
from models.ids import new_id

ALICE = new_id()
LIMIT = 100
END: Message = {"type": "http.disconnect"}


def body(
    parts: Iterable[bytes], *, declared: int | None = None, budget: BodyBudget | None = None
) -> RequestBody:
    """Return a body that arrives in parts; after them the client goes."""
    sent = list(parts)
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": number < len(sent)}
        for number, part in enumerate(sent, 1)
    ]

    async def receive() -> Message:
        return messages.pop(0) if messages else END

    length = (b"content-length", str(declared).encode())
    scope = {"headers": [(b"transfer-encoding", b"chunked") if declared is None else length]}
    made = RequestBody(
        scope, receive, limit=BodyLimit(LIMIT), budget=budget or BodyBudget(LIMIT), drain_timeout=1
    )
    assert body_of(scope) is made
    return made


async def test_a_body_is_read_in_one_piece() -> None:
    assert await body([b"a" * 30, b"b" * 20]).read(ALICE, 50, "json_limit") == b"a" * 30 + b"b" * 20
    assert await body([b"a" * 30], declared=30).read(ALICE, 50, "json_limit") == b"a" * 30


@pytest.mark.parametrize("declared", [None, 51])
async def test_a_body_beyond_a_limit_of_its_route_is_refused_by_the_name_of_the_setting(
    declared: int | None,
) -> None:
    with pytest.raises(Problem, match=r"larger than 50 bytes.*DARKROOM_JSON_LIMIT") as refused:
        await body([b"a" * 30, b"b" * 21], declared=declared).read(ALICE, 50, "json_limit")
    assert refused.value.status == 413


async def test_a_client_that_goes_within_its_body_is_not_taken_for_its_end() -> None:
    broken = body([], declared=30)
    with pytest.raises(ClientDisconnect):
        await broken.read(ALICE, 50, "json_limit")


async def test_a_body_waits_for_the_larger_ones_of_its_caller_until_they_are_released() -> None:
    budget = BodyBudget(LIMIT)
    first, second = (
        body([b"a" * 80], declared=80, budget=budget),
        body([b"b" * 30], declared=30, budget=budget),
    )
    await first.read(ALICE, LIMIT, "json_limit")
    waiting = asyncio.create_task(second.read(ALICE, LIMIT, "json_limit"))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await body([b"c" * 30], declared=30, budget=budget).read(new_id(), LIMIT, "json_limit")
    first.release()
    first.release()  # a second time does nothing
    assert await waiting == b"b" * 30


async def test_a_disconnect_is_waited_for_past_what_is_still_sent() -> None:
    await asyncio.wait_for(body([b"a", b"b"]).wait_for_disconnect(), 10)
