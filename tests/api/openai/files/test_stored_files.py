"""Stored files that have expired, and objects that uploads which were cut have left."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from api.openai.files.stored_files import delete_expired, delete_orphans, object_key
from api.services import ApiServices
from models.ids import new_id
from models.openai.file_ids import parse_file_id
from models.tables import openai_files
from tests.api.openai.stack import OpenAiStack


async def test_files_that_have_expired_go_with_their_objects(stack: OpenAiStack) -> None:
    client, services = stack.client(), services_of(stack)
    gone = await client.files.create(file=("a", b"a"), purpose="user_data")
    async with services.database.writing() as connection:
        await connection.execute(update(openai_files).values(expires_at=services.clock()))
    kept = await client.files.create(file=("b", b"b"), purpose="user_data")
    await delete_expired(services)
    assert [each.id async for each in client.files.list()] == [kept.id]
    assert await services.store.head(object_key(parse_file_id(gone.id))) is None
    assert (await client.files.content(kept.id)).content == b"b"


async def test_only_old_objects_without_a_file_are_orphans(stack: OpenAiStack) -> None:
    services = services_of(stack)
    kept = await stack.client().files.create(file=("b", b"b"), purpose="user_data")
    orphan = object_key(new_id())
    await services.store.put(orphan, b"x", content_type="text/plain")
    await delete_orphans(services)
    assert await services.store.head(orphan) is not None, "it may be an upload under way"
    later = services.clock() + timedelta(days=2)
    await delete_orphans(replace(services, clock=lambda: later))
    assert await services.store.head(orphan) is None
    assert (await stack.client().files.content(kept.id)).content == b"b"


def services_of(stack: OpenAiStack) -> ApiServices:
    services: ApiServices = stack.service.app.state.services
    return services
