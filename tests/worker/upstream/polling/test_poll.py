"""Poll responses about a task are classified; what a response does not say is never assumed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.outcomes import Billed, Outcome
from worker.upstream.errors.own_text import own_text_of_job
from worker.upstream.polling.poll import PollStage, PollState, read_poll

CORPUS = Path(__file__).parents[2] / "images" / "behaviour" / "corpus" / "assets.jsonl"

LINES = CORPUS.read_text("utf-8").splitlines()

CASES = [case for case in map(json.loads, LINES) if case["kind"] == "poll"]

A, B = "https://cdn.example.com/a.png", "https://cdn.example.com/b.png"

VIDEO = "https://cdn.example.com/film.mp4"


def read(body: Any, status: int = 200, **given: Any) -> PollState:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_poll(status, {}, raw, **given)


def addresses(state: PollState) -> list[str]:
    return [image.address for image in state.images]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']} {case['title']}" for case in CASES])
def test_a_recorded_response_is_classified(case: dict[str, Any]) -> None:
    state, expected = read_poll(case["status"], case["headers"], case["body"].encode()), case["expected"]
    assert addresses(state) == expected["images"]
    assert ([] if state.progress is None else [state.progress]) == expected["progress"]
    assert (state.result.outcome if state.result else Outcome.PENDING) == expected["outcome"]
    assert (state.result.code if state.result else None) == expected.get("error_code")
    if state.result and "billed" in expected:
        assert state.result.billed == expected["billed"]


def test_the_corpus_has_its_poll_responses() -> None:
    assert len(CASES) >= 7


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"id": "t", "status": "completed", "urls": [None, A, "", None]}, [A]),
        (b'{"id":"t","urls":["https:\\/\\/cdn.example.com\\/a.png"]}', [A]),
        (b'\xef\xbb\xbf{"id":"t","urls":["https://cdn.example.com/a.png"]}', [A]),
        ({"id": "t", "status": "done", "generations": [{"url": A}, {"url": B}]}, [A, B]),
        ({"id": "t", "status": "succeeded", "generations": [{"url": None, "img_paths": [A, B]}]}, [A, B]),
        ({"id": "t", "status": "completed", "urls": [A], "generations": [{"url": A}], "images": None}, [A]),
        ({"id": "t", "status": "Finished", "images": [{"url": A, "status": "done"}]}, [A]),
        ({"id": "t", "images": [{"url": A, "status": "done"}, {"url": B, "status": "failed"}]}, [A]),
        ({"id": "t", "status": "completed", "prompt": "x", "images": [{"url": A, "status": "ok"}]}, [A]),
        ({"id": "t", "urls": ["https://cdn.example.com/download/42"]}, ["https://cdn.example.com/download/42"]),
        ({"data": {"state": "success", "resultJson": json.dumps({"resultUrls": [A]})}}, [A]),
        ({"status": "Ready", "result": {"sample": A}}, [A]),
        ({"code": 200, "data": {"status": 1, "taskStatus": "SUCCESS", "imageUrl": A}}, [A]),
        ({"data": [{"task_id": "t", "status": "SUCCESS", "images": [A]}]}, [A]),
        ([{"status": "success", "images": [A]}], [A]),
        ({"status": "completed", "images": [A], "pictures": [B]}, [A, B]),
        ({"id": "t", "status": "succeeded", "url": "https://cdn.example.com/get/1"}, ["https://cdn.example.com/get/1"]),
        ({"choices": [{"message": {"content": f"![a]({A})"}}]}, [A]),
        ({"id": "t", "status": "failed", "urls": [A]}, [A]),
    ],
)  # fmt: skip
def test_images_are_found_in_any_member(body: Any, found: list[str]) -> None:
    state = read(body)
    assert (state.stage, addresses(state)) == (PollStage.DONE, found)
    assert state.result is not None
    assert state.result.billed is Billed.YES


def test_a_video_is_a_result_and_its_poster_is_not_while_it_is_made() -> None:
    making = {"id": "t", "status": "video_generating", "running": True, "video_url": None, "urls": [A]}
    assert read(making).stage is PollStage.RUNNING
    done = read({"id": "t", "status": "completed", "running": False, "video_url": VIDEO})
    assert (done.stage, done.videos) == (PollStage.DONE, (VIDEO,))


def test_images_of_the_request_are_not_results() -> None:
    body = {"id": "t", "status": "running", "running": True, "input_images": [A], "request": {"images": [B]}}
    assert read(body) == PollState(PollStage.RUNNING)
    assert (
        read({"id": "t", "status": "processing", "images": [A]}, input_urls=(A,)).stage is PollStage.RUNNING
    )


def test_pending_images_keep_the_task_running() -> None:
    images = [{"url": A, "status": "completed"}, {"url": None, "status": "running"}]
    state = read({"id": "t", "status": "running", "progress": 0.5, "images": images})
    assert (state.stage, addresses(state), state.progress) == (PollStage.RUNNING, [A], 50)


@pytest.mark.parametrize(
    ("body", "progress"),
    [
        ({"id": "t", "status": "queued"}, None),
        ({"id": "t", "status": "processing", "progress": 12}, 12),
        ({"id": "t", "status": "IN_PROGRESS", "progress": "45%"}, 45),
        ({"data": {"task_status": "NOT_START", "progress": "0%"}}, 0),
        ({"status": "success", "data": {"id": "t", "state": "GENERATING", "percent": 7.5}}, 7.5),
        ({"id": "t", "running": True, "urls": []}, None),
        ({"id": "t", "running": True, "failure_reason": "input_moderation", "retry_count": 1}, None),
        ({"id": "t", "progress": 30}, 30),
        ({"id": "t", "status": "生成中"}, None),
        ({"id": "t", "status": "未完成"}, None),
        ({"id": "t", "status": "not ready"}, None),
        ({"id": "t", "status": "a word that nobody knows"}, None),
    ],
)
def test_a_running_task_is_polled_again(body: Any, progress: float | None) -> None:
    state = read(body)
    assert (state.stage, state.progress, state.result) == (PollStage.RUNNING, progress, None)


@pytest.mark.parametrize(
    ("body", "outcome", "code"),
    [
        ({"id": "t", "status": "failed"}, Outcome.RETRY, "upstream_error"),
        ({"status": "failed"}, Outcome.RETRY, "upstream_error"),
        ({"id": "t", "status": "error", "error": "boom"}, Outcome.RETRY, "upstream_error"),
        ({"id": "t", "status": "cancelled"}, Outcome.RETRY, "upstream_error"),
        ({"id": "t", "status": "timeout"}, Outcome.RETRY, "upstream_error"),
        ({"id": "t", "status": "TIMED_OUT"}, Outcome.RETRY, "upstream_error"),
        ({"id": "t", "status": "生成失败"}, Outcome.RETRY, "upstream_error"),
        ({"id": "t", "running": False, "urls": []}, Outcome.RETRY, "upstream_error"),
        ({"id": "t", "running": False, "failure_reason": "x"}, Outcome.RETRY, "upstream_error"),
        ({"id": "t", "status": "blocked"}, Outcome.PERMANENT, "moderation"),
        ({"id": "t", "status": "Content Moderated"}, Outcome.PERMANENT, "moderation"),
        ({"id": "t", "status": "rejected"}, Outcome.PERMANENT, "moderation"),
        (
            {"id": "t", "status": "failed", "failure_reason": "output_moderation"},
            Outcome.PERMANENT,
            "moderation_output",
        ),
        (
            {"data": {"task_id": "t", "status": "FAILURE", "fail_reason": "违反了我们的内容政策"}},
            Outcome.PERMANENT,
            "moderation",
        ),
        (
            {"id": "t", "status": "failed", "error": {"code": "moderation_blocked", "message": "no"}},
            Outcome.PERMANENT,
            "moderation",
        ),
        ({"error": {"code": "moderation_blocked"}}, Outcome.PERMANENT, "moderation"),
        (
            {"id": "t", "status": "failed", "failure_reason": "rate limit reached, too many requests"},
            Outcome.RETRY,
            "rate_limited",
        ),
        (
            {"id": "t", "status": "failed", "failure_reason": "insufficient quota"},
            Outcome.RETRY,
            "upstream_quota",
        ),
        (
            {"id": "t", "status": "failed", "failure_reason": "Incorrect API key provided"},
            Outcome.RETRY,
            "upstream_error",
        ),
    ],
)
def test_a_failed_task_is_classified_by_its_reason(body: Any, outcome: Outcome, code: str) -> None:
    state = read(body)
    assert state.stage is PollStage.FAILED
    assert state.result is not None
    assert (state.result.outcome, state.result.code) == (outcome, code)
    assert state.result.billed is not Billed.YES


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": "task not found"}),
        (404, b"404 page not found"),
        (410, b""),
        (401, {"error": {"message": "bad key"}}),
        (400, {"code": "task_not_exist", "message": "task_not_exist"}),
        (302, b""),
        (200, {"code": "task_not_exist", "message": "task_not_exist"}),
        (200, {"status": "Task not found"}),
        (200, {"id": "t", "status": "completed", "urls": []}),
        (200, b"<!doctype html><title>Console</title>"),
        (404, {"status": "failed"}),
    ],
)
def test_a_response_without_the_task_or_a_result_is_unknown(status: int, body: Any) -> None:
    state = read(body, status)
    assert state.stage is PollStage.UNKNOWN
    assert state.result is not None
    assert state.result.outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"status": "error", "message": "internal server error"}),
        (503, b"<html>busy</html>"),
        (429, {"error": {"message": "slow down"}}),
        (200, {"status": "error", "message": "please try again"}),
        (200, {"error": {"message": "Invalid API key", "code": "invalid_api_key"}}),
        (200, {"message": "please wait"}),
        (200, b""),
        (200, b'{"id":"t","status":"comple'),
        (200, {}),
        (200, []),
        (200, b"busy"),
    ],
)
def test_a_response_that_says_nothing_about_the_task_is_unclear(status: int, body: Any) -> None:
    assert read(body, status).stage is PollStage.UNCLEAR


def test_the_retry_after_of_a_busy_provider_is_read() -> None:
    state = read_poll(429, {"retry-after": "17"}, b"{}")
    assert state.retry_after is not None
    assert state.retry_after.total_seconds() == 17


def test_a_failure_of_the_task_itself_counts_whatever_the_http_status() -> None:
    state = read({"id": "t", "status": "failed", "failure_reason": "input_moderation"}, 500)
    assert (state.stage, state.result and state.result.code) == (PollStage.FAILED, "moderation_input")


def test_a_deeply_nested_body_raises_no_error() -> None:
    body: Any = {"id": "t", "status": "running"}
    for _ in range(60):
        body = {"data": body}
    assert read(body).stage in (PollStage.RUNNING, PollStage.UNCLEAR)
    assert read(b"[" * 3000 + b"]" * 3000).stage is PollStage.UNCLEAR


#: words that would mean a refusal, a limit, a missing task or an account if they were the provider's
TELLING_WORDS = (
    "content policy violation",
    "内容违规，包含敏感词",
    "insufficient balance",
    "rate limit exceeded",
    "task not found",
    "model does not exist",
)


@pytest.mark.parametrize("words", TELLING_WORDS)
@pytest.mark.parametrize("member", ["fail_reason", "failure_message", "message"])
def test_a_failed_task_that_repeats_the_prompt_is_a_plain_failure(words: str, member: str) -> None:
    prompt = f"a street at night with an old neon sign: {words}"
    own = own_text_of_job("m", prompt, {"params": {}})
    for echo in (prompt, prompt.upper(), json.dumps(prompt), prompt[4:]):
        state = read({"id": "t", "status": "failed", member: f"could not draw this: {echo}"}, own=own)
        assert state.stage is PollStage.FAILED, echo
        assert state.result is not None
        assert (state.result.outcome, state.result.code) == (Outcome.RETRY, "upstream_error"), echo
        assert state.result.provider_message is not None
        assert echo in state.result.provider_message


def test_the_providers_own_words_count_beside_an_echo() -> None:
    prompt = "a street at night with an old neon sign"
    body = {"id": "t", "status": "failed", "fail_reason": f"content policy violation in: {prompt}"}
    result = read(body, own=own_text_of_job("m", prompt, {})).result
    assert result is not None
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "moderation")


NAMES = ["id", "status", "data", "urls", "error", "running", "progress", "images", "message"]

WORDS = st.text(max_size=8) | st.sampled_from([A, VIDEO, "failed", "done"])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@given(body=JSON, status=st.sampled_from([200, 404, 429, 500]))
@settings(max_examples=150, deadline=None)
def test_any_json_is_read_and_every_final_stage_has_a_result(body: Any, status: int) -> None:
    state = read(body, status)
    ended = state.stage in (PollStage.DONE, PollStage.FAILED, PollStage.UNKNOWN)
    assert (state.result is not None) is ended
    if state.stage is PollStage.DONE:
        assert state.images or state.videos
