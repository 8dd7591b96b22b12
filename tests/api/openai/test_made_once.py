"""Objects that a request makes once."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from api.openai.made_once import find_made, make_once
from api.openai.repeats import Repeat
from api.services import ApiServices
from models.queries.openai.requests import RequestDigest
from tests.api.openai.stack import OpenAiStack

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def test_repetitions_at_the_same_time_make_one_object(each_stack: OpenAiStack) -> None:
    services: ApiServices = each_stack.service.app.state.services
    digest = RequestDigest(uuid4(), b"d" * 32)
    made: list[UUID] = []

    async def insert(connection: AsyncConnection) -> UUID:
        made.append(uuid4())
        return made[-1]

    repeats = [Repeat(digest, counted=number > 0) for number in range(3)]
    found = await asyncio.gather(*(make_once(services, repeat, AT, insert) for repeat in repeats))
    assert len({key for key, _ in found}) == 1
    assert [new for _, new in found].count(True) == 1
    assert await find_made(services, repeats[0], AT) is None
    assert await find_made(services, repeats[1], AT) == found[0][0]
