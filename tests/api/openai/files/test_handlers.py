"""Files that are listed, read in parts, and deleted."""

import openai
import pytest

from tests.api.openai.stack import OpenAiStack


async def upload(stack: OpenAiStack, content: bytes) -> str:
    return (await stack.client().files.create(file=("in.jsonl", content), purpose="batch")).id


async def test_pages_are_walked_in_either_order(each_stack: OpenAiStack) -> None:
    made = [await upload(each_stack, f"{number}".encode()) for number in range(3)]
    client = each_stack.client()
    assert [each.id async for each in client.files.list(limit=2)] == made[::-1]
    assert [each.id async for each in client.files.list(limit=1, order="asc")] == made
    assert [each.id async for each in client.files.list(purpose="vision")] == []
    page = await client.files.list(limit=2)
    assert (page.has_more, (page.model_extra or {})["last_id"]) == (True, made[1])


async def test_a_deleted_file_is_gone_with_its_content(stack: OpenAiStack) -> None:
    key = await upload(stack, b"content")
    client = stack.client()
    assert (await client.files.delete(key)).to_dict() == {"id": key, "object": "file", "deleted": True}
    for call in (client.files.retrieve(key), client.files.content(key), client.files.delete(key)):
        with pytest.raises(openai.NotFoundError):
            await call
    assert not await stack.darkroom.services.store.list_files("openai-files/", limit=10)


async def test_content_is_served_in_ranges_and_by_its_etag(stack: OpenAiStack) -> None:
    path = f"/files/{await upload(stack, b'0123456789')}/content"
    whole = await stack.request("GET", path)
    assert (whole.content, whole.headers["content-length"]) == (b"0123456789", "10")
    assert whole.headers["content-type"] == "application/jsonl"
    part = await stack.request("GET", path, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    same = await stack.request("GET", path, headers={"If-None-Match": whole.headers["etag"]})
    assert same.status_code == 304
    beyond = await stack.request("GET", path, headers={"Range": "bytes=20-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=10001", "order=up"])
async def test_faulty_queries_are_named(stack: OpenAiStack, query: str) -> None:
    answer = await stack.request("GET", f"/files?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.partition("=")[0])


@pytest.mark.parametrize("key", ["file-1", "..%2F..%2Fnope", "file-" + "z" * 26, "file_" + "0" * 26])
async def test_ids_that_are_none_are_not_found(stack: OpenAiStack, key: str) -> None:
    for path in (f"/files/{key}", f"/files/{key}/content"):
        answer = await stack.request("GET", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
