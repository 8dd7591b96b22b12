"""Webhook endpoints with the official SDK."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from api.openai.webhooks.endpoints import EVENTS
from tests.api.openai.stack import OpenAiStack
from tests.api.service import BOB

GIVEN: dict[str, Any] = {
    "name": "spring",
    "url": "http://127.0.0.1:9/hook",
    "event_types": ["batch.completed", "batch.failed"],
}


async def test_an_endpoint_is_made_changed_and_deleted(each_stack: OpenAiStack) -> None:
    hooks = each_stack.client().webhooks
    made = await hooks.create(**GIVEN)
    assert made.signing_secret.startswith("whsec_")
    shown = await hooks.retrieve(made.id)
    assert (shown.name, shown.url, shown.event_types) == tuple(GIVEN.values())
    assert "signing_secret" not in (shown.model_extra or {})
    assert (shown.signing_secret_hint or "").endswith(made.signing_secret[-4:])
    changed = await hooks.update(made.id, name="summer")
    assert (changed.name, changed.event_types) == ("summer", GIVEN["event_types"])
    rotated = await hooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    assert rotated.signing_secret != made.signing_secret
    native = await each_stack.request("GET", f"/webhooks/{made.id}")
    assert native.json()["previous_secret_until"], "it is a webhook like any other"
    assert [each.id async for each in hooks.list()] == [made.id]
    assert (await hooks.delete(made.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await hooks.retrieve(made.id)


async def test_the_blocking_client_walks_pages_and_sees_only_its_own(stack: OpenAiStack) -> None:
    def run(client: OpenAI) -> tuple[list[str], list[str], list[str]]:
        made = [client.webhooks.create(**GIVEN).id for _ in range(3)]
        return (
            made,
            [each.id for each in client.webhooks.list(limit=2)],
            client.webhooks.event_types.list().data,
        )

    made, listed, events = await stack.blocking(run)
    assert (listed, events) == (made, list(EVENTS))
    assert [each.id async for each in stack.client(BOB).webhooks.list()] == []
    with pytest.raises(openai.NotFoundError):
        await stack.client(BOB).webhooks.delete(made[0])


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"url": "ftp://receiver.example"}, "url"),
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"event_types": []}, "event_types"),
        ({"event_types": ["video.completed"]}, "event_types"),
        ({"event_types": [{}]}, "event_types"),
    ],
)
async def test_faulty_members_are_named(stack: OpenAiStack, changes: dict[str, Any], param: str) -> None:
    answer = await stack.post("/webhook_endpoints", json=GIVEN | changes)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert [each async for each in stack.client().webhooks.list()] == []
