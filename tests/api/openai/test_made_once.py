"""Objects that a request makes once."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from api.openai.context import RequestContext
from api.openai.made_once import find_made, make_once
from api.openai.repeats import Repeat
from api.services import ApiServices
from models.queries.openai.requests import RequestDigest
from tests.api.openai.stack import OpenAiStack

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
REQUEST: Any = None


async def test_repetitions_at_the_same_time_make_one_object(each_stack: OpenAiStack) -> None:
    services: ApiServices = each_stack.service.app.state.services
    digest = RequestDigest(uuid4(), b"d" * 32)
    made: list[UUID] = []

    async def insert(connection: AsyncConnection) -> UUID:
        made.append(uuid4())
        return made[-1]

    caller: Any = SimpleNamespace(id=digest.caller_id)
    repeats = [Repeat(digest, counted=number > 0) for number in range(3)]
    contexts = [RequestContext(REQUEST, services, caller, AT, repeat, None) for repeat in repeats]
    found = await asyncio.gather(*(make_once(context, insert) for context in contexts))
    assert len({key for key, _ in found}) == 1
    assert [new for _, new in found].count(True) == 1
    assert await find_made(contexts[0]) is None
    assert await find_made(contexts[1]) == found[0][0]
