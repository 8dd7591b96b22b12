"""Uploads of files with the official SDK: each is stored once, and faulty ones leave nothing."""

import asyncio
import io
from typing import Any

import openai
import pytest

from models.openai.file_ids import asset_of_file
from tests.api.openai.stack import OpenAiStack
from tests.api.service import BOB
from worker.practice.drawing.png import tiny_png

CONTENT = b'{"custom_id": "a"}\n'


def form(content: bytes = CONTENT, **fields: str) -> dict[str, Any]:
    """Return what httpx sends as a form: the file comes last."""
    return {"data": {"purpose": "batch", **fields}, "files": {"file": ("in.jsonl", content)}}


async def test_a_file_is_stored_as_it_was_sent(each_stack: OpenAiStack) -> None:
    client = each_stack.client()
    made = await client.files.create(
        file=("in.jsonl", io.BytesIO(CONTENT)),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert made.id.startswith("file-")
    assert (made.bytes, made.filename, made.purpose) == (len(CONTENT), "in.jsonl", "batch")
    assert (made.expires_at or 0) - made.created_at == 3600
    assert (await client.files.wait_for_processing(made.id)).status == "processed"
    assert (await client.files.content(made.id)).content == CONTENT


async def test_an_upload_that_the_sdk_repeats_is_one_file(stack: OpenAiStack) -> None:
    made = [
        (await stack.post("/files", headers={"x-stainless-retry-count": f"{number}"}, **form())).json()["id"]
        for number in range(3)
    ]
    assert len(set(made)) == 1
    meant = (await stack.post("/files", headers={"x-stainless-retry-count": "0"}, **form())).json()["id"]
    assert meant not in made, "whoever uploads the same file twice gets two"
    others = await stack.post("/files", key=BOB, headers={"x-stainless-retry-count": "2"}, **form())
    assert others.json()["id"] not in made
    listed = [each.id async for each in stack.client().files.list()]
    assert sorted(listed) == sorted({*made, meant})
    kept = await stack.darkroom.services.store.list_files("openai-files/", limit=10)
    assert len(kept) == 3, "no object without a file is left"


async def test_uploads_with_the_same_idempotency_key_are_one_file_and_another_content_is_an_error(
    each_stack: OpenAiStack,
) -> None:
    async def post(key: str, **given: Any) -> Any:
        return await each_stack.post("/files", headers={"Idempotency-Key": key}, **form(**given))

    made = [(await post(key)).json()["id"] for key in ("one", "two")]
    again = await asyncio.gather(*(post("one") for _ in range(3)))
    assert {answer.json()["id"] for answer in again} == {made[0]} != {made[1]}
    for other in (await post("one", content=CONTENT * 2), await post("one", purpose="user_data")):
        error = other.json()["error"]
        assert (other.status_code, error["code"]) == (400, "idempotency_key_reused")
        assert error["param"] == "Idempotency-Key"
    assert len(await each_stack.darkroom.services.store.list_files("openai-files/", limit=10)) == 2


async def test_a_picture_is_an_input_image_by_the_same_id(stack: OpenAiStack) -> None:
    picture = tiny_png("an input", 0)
    client = stack.client()
    made = await client.files.create(file=("fox.png", picture), purpose="vision")
    again = await client.files.create(file=("fox.png", picture), purpose="vision")
    assert made.id == again.id
    found = await stack.request("GET", f"/assets/{asset_of_file(made.id)}")
    assert found.json()["bytes"] == len(picture)
    assert (await client.files.content(made.id)).content == picture
    assert (await client.files.delete(made.id)).deleted
    renewed = await client.files.create(file=("fox.png", picture), purpose="vision")
    assert renewed.id == made.id


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "fine-tune"}, "purpose"),
        ({"purpose": "vision"}, "file"),
        ({"expires_after[anchor]": "updated_at", "expires_after[seconds]": "3600"}, "expires_after.anchor"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "1"}, "expires_after.seconds"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "x"}, "expires_after.seconds"),
    ],
)
async def test_faulty_fields_are_named_and_leave_nothing(
    stack: OpenAiStack, fields: dict[str, str], param: str
) -> None:
    answer = await stack.post("/files", **form(**fields))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert [each async for each in stack.client().files.list()] == []
    assert not await stack.darkroom.services.store.list_files("openai-files/", limit=10)


async def test_bodies_that_are_no_form_or_have_no_file_are_refused(stack: OpenAiStack) -> None:
    answers = [
        await stack.post("/files", json={"purpose": "batch"}),
        await stack.post("/files", data={"purpose": "batch"}, files={"other": b"x"}),
        await stack.post("/files", **form(b"")),
        await stack.post(
            "/files", content=b"--", headers={"content-type": "multipart/form-data; boundary=x"}
        ),
        await stack.post("/files", content=b"x", headers={"content-type": "multipart/form-data"}),
    ]
    assert [answer.status_code for answer in answers] == [415, 400, 400, 400, 400]
    assert all(answer.json()["error"]["message"] for answer in answers)
    with pytest.raises(openai.AuthenticationError):
        await stack.client(key="nobody-0123456789abcdef").files.create(file=b"x", purpose="batch")
