"""Bodies of notifyHook messages: below the size limit for any text of clients."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.midjourney.notify_hook import MAX_STATE_BYTES, hook_body, submitted_view
from models.midjourney.serializers import task_view
from models.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(public_url=f"https://{'p' * 150}", midjourney_video_model="films")
PICTURES = {
    UUID(int=number): SimpleNamespace(
        token="t" * 24, position=number, extension="webp", content_type="image/webp"
    )
    for number in range(5)
}
TEXTS = ("prompt", "promptEn", "description", "failReason")

#: Texts up to what a prompt may have: emoji of several parts, right-to-left words, and what JSON escapes.
FRAGMENTS = st.sampled_from(
    ["a", " ", "🐱", "👩‍👩‍👧‍👦", "שלום", "مرحبا", "‏", "é", '"', "\\", "\n", "\x01", "猫"]
)
LONG = st.builds(
    lambda fragment, text, times: (fragment + text) * times, FRAGMENTS, st.text(), st.integers(0, 3000)
)
STATES = (st.none() | st.text() | LONG).filter(
    lambda state: state is None or len(orjson.dumps(state)) <= MAX_STATE_BYTES
)


def view(prompt: str | None, state: str | None, reason: str | None, **properties: Any) -> dict[str, Any]:
    """Return a task with every member a task can have."""
    task = SimpleNamespace(
        id=1795337295545074,
        action="UPSCALE",
        outcome="SUCCESS",
        prompt=prompt,
        description=f"/imagine {prompt}",
        state=state,
        bot="MID_JOURNEY",
        mode="FAST",
        hash=UUID(int=0),
        parent_id=1795337295545074,
        request={},
        properties=properties,
        asset_id=UUID(int=0),
        pictures=[str(UUID(int=number)) for number in range(1, 5)],
        fail_reason=reason,
        submitted_at=NOW,
        started_at=NOW,
        finished_at=NOW,
    )
    return task_view(task, parts=(), assets=PICTURES, preview=None, settings=SETTINGS, at=NOW)


@given(prompt=st.none() | LONG, state=STATES, reason=st.none() | LONG, final=LONG, other=LONG)
def test_a_message_is_smaller_than_20_kilobytes_and_only_texts_are_cut(
    prompt: str | None, state: str | None, reason: str | None, final: str, other: str
) -> None:
    whole = view(prompt, state, reason, finalPrompt=final, finalZhPrompt=other, remix=True)
    before = orjson.dumps(whole)
    body = hook_body(whole)

    assert orjson.dumps(whole) == before
    assert len(orjson.dumps(body)) < 20_000
    if len(before) < 20_000:
        assert body == whole
    assert {**body, **{name: whole[name] for name in (*TEXTS, "properties")}} == whole
    assert body["properties"].keys() == whole["properties"].keys()
    for sent, full in [
        *((body[name], whole[name]) for name in TEXTS),
        *((body["properties"][name], full) for name, full in whole["properties"].items()),
    ]:
        assert sent == full or (sent.endswith("…") and full.startswith(sent[:-1]))


@pytest.mark.parametrize("character", ["a", "🐱", "\x01", '"'])
def test_a_long_text_gets_the_room_of_short_ones(character: str) -> None:
    body = hook_body(view("a cat", "s", None, finalPrompt=character * 50_000))
    assert body["prompt"] == "a cat"
    assert 19_980 < len(orjson.dumps(body)) < 20_000


def test_a_task_that_is_further_on_is_shown_as_it_was_when_it_started() -> None:
    whole = view("a cat", "s", "no reason", finalPrompt="a cat")
    started = submitted_view(whole)
    assert (started["status"], started["progress"], started["displays"]["status"]) == (
        "SUBMITTED",
        "0%",
        "SUBMITTED",
    )
    assert [started[name] for name in ("imageUrl", "imageUrls", "failReason", "finishTime")] == [None] * 4
    assert (started["buttons"], started["startTime"]) == ([], whole["startTime"])
    assert started.keys() == whole.keys()
