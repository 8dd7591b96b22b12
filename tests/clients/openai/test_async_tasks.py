"""Small clients of relays that answer asynchronously: each reads the members that its family reads."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, OpenAiStack
from tests.api.service import BOB

ASK = {"model": MODEL, "prompt": "a red fox"}
SLOW = {"practice": {"delay": 0.3}}


async def polled(read: Callable[[], Awaitable[Any]]) -> Any:
    """Call until there is a result."""
    async with asyncio.timeout(20):
        while (found := await read()) is None:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.05)
    return found


async def get(stack: OpenAiStack, path: str) -> dict[str, Any]:
    answer = await stack.request("GET", path)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def of_sub2api(stack: OpenAiStack, body: dict[str, Any]) -> str:
    """S."""
    answer = await stack.post("/images/generations/async", json=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "3")
    task = answer.json()
    assert (task["object"], task["status"]) == ("image.generation.task", "processing")
    assert task["expires_at"] > task["created_at"]
    assert task["id"] == task["task_id"]
    assert answer.headers["location"] == task["poll_url"]

    async def read() -> str | None:
        shown = await get(stack, task["poll_url"])
        if shown["status"] == "failed":
            return f"{shown['http_status']} {shown['error']['type']}"
        if shown["status"] == "processing":
            return None
        assert (shown["status"], shown["http_status"]) == ("completed", 200)
        assert shown["completed_at"] >= shown["created_at"]
        assert shown["result"]["data"][0]["url"] == shown["image_url"]
        return str(shown["image_url"])

    return str(await polled(read))


async def of_comfly(stack: OpenAiStack, body: dict[str, Any]) -> str:
    """C."""
    answer = await stack.post("/images/generations?async=true", json=body)
    task_id = answer.json()["task_id"]

    async def read() -> str | None:
        shown = await get(stack, f"/images/tasks/{task_id}")
        assert shown["code"] == "success"
        data = shown["data"]
        assert data["progress"].endswith("%")
        if data["status"] == "FAILURE":
            assert data["fail_reason"]
            return "failed"
        if data["status"] != "SUCCESS":
            assert data["status"] in ("NOT_START", "IN_PROGRESS")
            return None
        assert data["submit_time"] <= data["start_time"] <= data["finish_time"]
        return str(data["data"]["data"][0]["url"])

    return str(await polled(read))


async def of_apimart(stack: OpenAiStack, body: dict[str, Any]) -> str:
    """A."""
    answer = (await stack.post("/images/generations", json=body | {"async": True})).json()
    assert answer["code"] == 200
    assert answer["data"][0]["status"] == "submitted"
    task_id = answer["data"][0]["task_id"]

    async def read() -> str | None:
        shown = await get(stack, f"/tasks/{task_id}?language=en")
        assert shown["code"] == 200
        data = shown["data"]
        listed = (await stack.post("/tasks/batch", json={"task_ids": [task_id, "job_x"]})).json()
        assert [each["id"] for each in listed["data"]] == [task_id, "job_x"]
        assert listed["data"][1]["error"]["code"] == "not_found"
        if data["status"] in ("failed", "cancelled"):
            assert data["error"]["message"]
            return "failed"
        if data["status"] in ("pending", "processing"):
            return None
        assert (data["status"], data["progress"]) == ("completed", 100)
        assert data["actual_time"] >= 0
        return str(data["result"]["images"][0]["url"][0])

    return str(await polled(read))


async def of_evolink(stack: OpenAiStack, body: dict[str, Any]) -> str:
    """E."""
    answer = await stack.post("/images/generations", json=body, headers={"Prefer": "respond-async"})
    assert answer.headers["preference-applied"] == "respond-async"
    task = answer.json()
    assert (task["object"], task["type"], task["model"]) == ("image.generation.task", "image", body["model"])

    async def read() -> str | None:
        shown = await get(stack, f"/tasks/{task['id']}")
        assert isinstance(shown["progress"], int)
        if shown["status"] == "failed":
            assert shown["error"]["message"]
            return "failed"
        return str(shown["results"][0]) if shown["status"] == "completed" else None

    return str(await polled(read))


async def of_kapon(stack: OpenAiStack, body: dict[str, Any]) -> str:
    """K."""
    task = (await stack.post("/images/generations/async", json=body)).json()
    assert (task["progress"], task["model"], task["prompt"]) == (0, body["model"], body["prompt"])

    async def read() -> str | None:
        shown = await get(stack, f"/images/generations/{task['id']}")
        if shown["status"] == "failed":
            return "failed"
        if shown["status"] in ("pending", "in_progress"):
            return None
        assert shown["status"] == "completed"
        return str(shown["data"][0]["url"])

    return str(await polled(read))


FAMILIES = [of_sub2api, of_comfly, of_apimart, of_evolink, of_kapon]


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_client_of_each_family_gets_its_picture_by_one_call(
    stack: OpenAiStack, family: Callable[[OpenAiStack, dict[str, Any]], Awaitable[str]]
) -> None:
    url = await family(stack, ASK | SLOW)
    assert (await stack.request("GET", url, key=None)).headers["content-type"] == "image/png"
    assert len(stack.calls) == len(await stack.jobs()) == 1


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_client_of_each_family_sees_that_its_task_failed(
    stack: OpenAiStack, family: Callable[[OpenAiStack, dict[str, Any]], Awaitable[str]]
) -> None:
    failed = await family(stack, ASK | {"practice": {"fail": "moderation"}})
    assert failed in ("failed", "400 image_generation_user_error")


async def test_edits_are_tasks_too_and_the_sdk_reads_them(stack: OpenAiStack) -> None:
    client = stack.client()
    task = await client.images.edit(
        model=MODEL, prompt="bluer", image=("a.png", png()), extra_body={"async": "true"}
    )
    task_id = (task.model_extra or {})["task_id"]
    raw = await client.images.with_raw_response.generate(**ASK, extra_query={"async": "true"})
    assert (raw.status_code, bool(raw.headers["location"])) == (202, True)

    async def read() -> Any:
        shown = await get(stack, f"/images/edits/{task_id}")
        return shown["data"] or None

    assert await polled(read)


async def test_a_webhook_in_the_query_is_the_jobs(stack: OpenAiStack) -> None:
    answer = await stack.post("/images/generations?async=true&webhook=https://a.example/hook", json=ASK)
    assert answer.status_code == 202
    assert [job.webhook_url for job in await stack.jobs()] == ["https://a.example/hook"]
    for hook in ("nothing", "http://10.0.0.1/", "https://u:p@a.example/"):
        refused = await stack.post(f"/images/generations?async=true&webhook={hook}", json=ASK)
        assert refused.status_code == 400, refused.text


@pytest.mark.parametrize("path", ["images/tasks", "tasks", "images/generations", "images/edits"])
async def test_foreign_and_unknown_tasks_are_not_found(stack: OpenAiStack, path: str) -> None:
    task = (await stack.post("/images/generations/async", json=ASK)).json()["id"]
    for wanted, key in ((task, BOB), ("job_x", None), ("..%2F..%2Fjobs", None)):
        answer = await stack.request("GET", f"/{path}/{wanted}", **({"key": key} if key else {}))  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("ids", [None, [], "job", [1], ["job_x"] * 101])
async def test_bad_lists_of_tasks_are_refused(stack: OpenAiStack, ids: Any) -> None:
    answer = await stack.post("/tasks/batch", json={"task_ids": ids})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "task_ids")


async def test_a_faulty_async_is_refused(stack: OpenAiStack) -> None:
    answer = await stack.post("/images/generations", json=ASK | {"async": "maybe"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "async")
