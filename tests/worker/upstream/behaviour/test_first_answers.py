"""The first answer of a call: tasks in any spelling, event streams, drafts, order, bare addresses."""

import base64
import itertools
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.outcomes import Outcome
from tests.worker.upstream.answers import JPEG, PNG, PNG2, data
from tests.worker.upstream.bodies import classified, summary
from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.response_reader import AnswerReader, read_answer
from worker.upstream.polling.poll import PollStage, read_poll

A, B, C = (f"https://cdn.example.com/{name}.png" for name in "abc")
BARE = "https://cdn.example.com/o/9f8e7d6c"


def read(value: object) -> Answer:
    return read_answer(orjson.dumps(value))


def addresses(answer: Answer) -> list[str]:
    return [image.address for image in answer.images]


# Tasks

WRAPPERS = (
    lambda task: task,
    lambda task: {"code": 200, "msg": "success", "data": task},
    lambda task: {"code": 200, "data": [task]},
    lambda task: {"code": 0, "result": task},
    lambda task: {"Response": task, "RequestId": "r"},
    lambda task: {"code": "success", "data": {"task": task}},
)
wrapped = st.sampled_from(WRAPPERS)
ids = st.sampled_from(["task_id", "taskId", "TaskId", "job_id", "JobId"])
states = st.sampled_from(["status", "state", "task_status", "taskStatus", "JobStatus", "job_status"])
running = st.sampled_from(
    [
        "submitted",
        "IN_QUEUE",
        "NOT_START",
        "IN_PROGRESS",
        "processing",
        "Pending",
        "GENERATING",
        "starting",
        "生成中",
    ]
)
finished = st.sampled_from(["completed", "SUCCESS", "succeed", "Ready", "done", "已完成"])
failed = st.sampled_from(["failed", "FAILURE", "GENERATE_FAILED", "fail", "cancelled", "生成失败"])
results = st.sampled_from(
    [
        {"images": [A]},
        {"urls": [A]},
        {"result": {"images": [{"url": [A]}]}},
        {"result": {"data": [{"url": A}]}},
        {"output": [A]},
        {"output": A},
        {"output": {"image_url": A}},
        {"outputs": [{"type": "image", "url": A}]},
        {"output_images": [A]},
        {"resultUrls": [A]},
        {"resultJson": json.dumps({"resultUrls": [A]})},
        {"response": {"result_urls": [A]}},
        {"info": {"result_urls": [A]}},
        {"ResultImage": [A]},
        {"results": [A]},
        {"task_result": {"images": [{"index": 0, "url": A}]}},
        {"assets": {"image": A}},
        {"sample": A},
        {"artifacts": [{"anything": {"nobody": {"named": A}}}]},
    ]
)


@given(wrapped, ids, states, running)
def test_a_running_task_is_pending_in_any_spelling(wrap: Any, id_name: str, state: str, word: str) -> None:
    task = wrap({id_name: "task_01abc", state: word, "progress": 0.25, "images": None})
    answer = read(task)
    assert (answer.task_id, answer.images, list(answer.progress)) == ("task_01abc", (), [25])
    assert classify(answer, status=200).outcome is Outcome.PENDING
    assert read_poll(200, {}, orjson.dumps(task)).stage is PollStage.RUNNING


@given(wrapped, ids, states, finished, results)
def test_the_image_of_a_finished_task_is_found_in_any_member(
    wrap: Any, id_name: str, state: str, word: str, result: dict[str, Any]
) -> None:
    task = wrap({id_name: "task_01abc", state: word, "input_image": C, "prompt": f"like {C}", **result})
    assert addresses(read(task)) == [A]
    poll = read_poll(200, {}, orjson.dumps(task))
    assert (poll.stage, [image.address for image in poll.images]) == (PollStage.DONE, [A])


@given(wrapped, ids, states, failed)
def test_a_failed_task_fails_in_any_spelling(wrap: Any, id_name: str, state: str, word: str) -> None:
    body = wrap({id_name: "task_01abc", state: word, "images": []})
    assert summary(classified(200, body)) == "retry upstream_error"
    assert read_poll(200, {}, orjson.dumps(body)).stage is PollStage.FAILED


@given(wrapped, ids, states, finished)
def test_a_finished_task_without_an_image_is_never_called_again(
    wrap: Any, id_name: str, state: str, word: str
) -> None:
    body = wrap({id_name: "task_01abc", state: word, "output": [], "note": "see the gallery"})
    assert summary(classified(200, body)) == "ambiguous no_image"


@pytest.mark.parametrize(
    ("flag", "outcome"), [(0, "pending"), (1, "ambiguous no_image"), (2, "retry upstream_error")]
)
def test_a_success_flag_is_a_state(flag: int, outcome: str) -> None:
    assert summary(classified(200, {"data": {"taskId": "t1", "successFlag": flag}})) == outcome


@pytest.mark.parametrize(("code", "outcome"), [("2", "pending"), ("4", "retry upstream_error")])
def test_a_job_status_code_is_a_state(code: str, outcome: str) -> None:
    body = {"Response": {"JobId": "j-1", "JobStatusCode": code, "RequestId": "r"}}
    assert summary(classified(200, body)) == outcome


SUBMITTED = {
    "S": {
        **{"id": "imgtask_1", "task_id": "imgtask_1", "object": "image.generation.task"},
        **{"status": "processing", "created_at": 1, "poll_url": "/v1/images/tasks/imgtask_1"},
    },
    "C": {"task_id": "imgtask_1"},
    "C, older": {"code": "success", "message": "", "data": "imgtask_1"},
    "A": {"code": 200, "data": [{"status": "submitted", "task_id": "imgtask_1"}]},
    "A, older": {
        "code": 200,
        "data": {"id": "imgtask_1", "object": "image.generation.task", "status": "pending", "progress": 0},
    },
    "E": {
        **{"id": "imgtask_1", "object": "image.generation.task", "status": "pending", "progress": 0},
        **{"created": 1, "model": "m", "type": "image", "task_info": {"can_cancel": True}},
    },
    "K": {
        **{"id": "imgtask_1", "task_id": "imgtask_1", "object": "image.generation"},
        **{"status": "pending", "progress": 0, "model": "m", "prompt": "a cat"},
    },
    "F": {"id": "imgtask_1", "status": "queued", "status_url": "/v1/async/tasks/imgtask_1"},
}


@pytest.mark.parametrize("dialect", SUBMITTED)
def test_the_answer_to_a_submit_is_pending_with_its_task(dialect: str) -> None:
    answer = read(SUBMITTED[dialect])
    assert (classify(answer, status=202).outcome, answer.task_id) == (Outcome.PENDING, "imgtask_1")


@pytest.mark.parametrize(
    ("body", "task_urls"),
    [
        ({"id": "x", "polling_url": "https://a.example/r?id=x"}, ("https://a.example/r?id=x",)),
        (
            {
                "request_id": "r",
                "response_url": "https://q.example/r",
                "status_url": "https://q.example/r/status",
            },
            ("https://q.example/r/status", "https://q.example/r"),
        ),
        ({"id": "p", "status": "starting", "urls": {"get": "/v1/p", "cancel": "/v1/p/cancel"}}, ("/v1/p",)),
        (SUBMITTED["S"], ("/v1/images/tasks/imgtask_1",)),
    ],
)
def test_the_addresses_of_a_task_are_kept_as_they_are_written(
    body: dict[str, Any], task_urls: tuple[str, ...]
) -> None:
    answer = read(body)
    assert answer.handles.task_urls == task_urls
    assert classify(answer, status=200).outcome is Outcome.PENDING


@pytest.mark.parametrize("body", [b"", b'{"task_id":"t1"}', b'{"id":"t1","status":"queued"}'])
def test_the_location_of_an_accepted_task_is_an_address_of_it(body: bytes) -> None:
    observation = observation_of(
        {"status": 202, "headers": {"Location": "/v1/jobs/t1"}, "body": body.decode()}
    )
    answer = explain(observation).answer
    assert answer is not None
    assert "/v1/jobs/t1" in answer.handles.task_urls
    assert explain(observation).outcome == "pending"


def test_an_address_of_a_finished_task_without_an_extension_is_its_image() -> None:
    assert addresses(read({"id": "1", "url": BARE, "status": "succeeded"})) == [BARE]
    assert addresses(read({"status": "succeeded", "status_url": BARE, "webhook": BARE})) == []


def test_a_preview_of_a_running_task_is_no_result() -> None:
    body = {"id": "t", "status": "IN_PROGRESS", "progress": "45%", "imageUrl": A}
    assert (addresses(read(body)), classified(200, body).outcome) == ([], Outcome.PENDING)
    assert read_poll(200, {}, orjson.dumps(body)).stage is PollStage.RUNNING


def test_an_explanation_names_the_rule_that_found_the_images() -> None:
    def rule(body: object) -> object:
        return explain(observation_of({"status": 200, "body": body})).document()["decided_by"]

    assert rule({"zip": {"zap": A}}) == "images in members that no rule names"
    assert rule({"state": "done", "urls": [A]}) == "the record of a finished task"
    assert rule({"data": [{"url": A}]}) == "images in known members or in the text"
    assert rule({"task_id": "t1", "status": "queued"}) == "a task that is not done"


# What no rule understands


@pytest.mark.parametrize(
    "body",
    [
        {"foo": "bar"},
        {"id": "x1", "note": {"seen": True}},
        [{"weight": 3}],
        {"code": 200, "data": {"a": "b"}},
    ],
)
def test_an_answer_that_no_rule_understands_is_ambiguous(body: object) -> None:
    assert summary(classified(200, body)) == "ambiguous not_understood"


@pytest.mark.parametrize(
    "body", [{}, {"data": []}, {"code": 200, "msg": "success", "data": None}, {"created": 1, "images": []}]
)
def test_an_answer_that_is_plainly_empty_is_no_image(body: object) -> None:
    assert summary(classified(200, body)) == "no_image empty_response"


def test_bytes_that_are_no_text_are_ambiguous() -> None:
    assert summary(classified(200, b"BM\0\0\0\0\0\0\x1a\0\0\0")) == "ambiguous protocol_error"


# Event streams

EVENTS = [
    {"id": "c1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Look: ![a]("}}]},
    {"id": "c1", "choices": [{"index": 0, "delta": {"content": A + ")"}}]},
    {"id": "c1", "choices": [{"index": 0, "delta": {"images": [{"image_url": {"url": data(PNG)}}]}}]},
    {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
JOINS = (b"\n\n", b"\n", b"\r\n", b"\r\n\r\n", b"\r", b"\n: ping\n", b"\nevent: message\n", b"\n\n\n")


def stream_read(stream: bytes, points: list[int]) -> Answer:
    edges = [0, *sorted(point % (len(stream) + 1) for point in points), len(stream)]
    reader = AnswerReader()
    for start, end in itertools.pairwise(edges):
        reader.feed(stream[start:end])
    return reader.close()


@given(
    st.lists(st.sampled_from(JOINS), min_size=5, max_size=5),
    st.sampled_from([b"", b"\xef\xbb\xbf", b": hello\n\n", b"event: message\n"]),
    st.lists(st.integers(0, 2000), max_size=4),
)
def test_events_are_understood_with_and_without_empty_lines_between_them(
    joins: list[bytes], head: bytes, points: list[int]
) -> None:
    lines = [b"data: " + orjson.dumps(event) for event in EVENTS] + [b"data: [DONE]"]
    stream = head + b"".join(line + join for line, join in zip(lines, joins, strict=True))
    answer = stream_read(stream, points)
    assert addresses(answer) == [data(PNG)]
    assert (answer.text, answer.incomplete_stream) == (f"Look: ![a]({A})", False)


@given(st.integers(1, 400), st.lists(st.integers(0, 400), max_size=3), st.sampled_from([b"\n\n", b"\n"]))
def test_json_that_is_split_over_data_lines_at_any_byte_is_joined(
    first: int, more: list[int], join: bytes
) -> None:
    stream = b""
    for event in EVENTS:
        line = orjson.dumps(event)
        edges = sorted({0, len(line), *(point % len(line) for point in (first, *more))})
        stream += b"".join(b"data: " + line[a:b] + b"\n" for a, b in itertools.pairwise(edges)) + join[1:]
    answer = stream_read(stream + b"data: [DONE]\n\n", [])
    assert addresses(answer) == [data(PNG)]
    assert answer.text == f"Look: ![a]({A})"


def test_events_on_one_line_and_an_event_within_an_event_are_read() -> None:
    joined = b"".join(orjson.dumps(event) for event in EVENTS)
    assert addresses(read_answer(b"data: " + joined + b"\n\ndata: [DONE]\n\n")) == [data(PNG)]
    doubled = b"".join(b"data: data: " + orjson.dumps(event) + b"\n\n" for event in EVENTS)
    assert addresses(read_answer(doubled)) == [data(PNG)]


def test_pretty_printed_json_behind_one_field_is_one_event() -> None:
    stream = b"".join(b"data: " + json.dumps(event, indent=1).encode() + b"\n\n" for event in EVENTS)
    assert addresses(read_answer(stream)) == [data(PNG)]


# Order and drafts

KINDS = ("image_index", "output_index", "index")


@given(st.permutations(range(4)), st.sampled_from(KINDS), st.booleans())
def test_images_are_in_the_order_of_their_index_under_any_arrival_order(
    order: list[int], name: str, listed: bool
) -> None:
    urls = [f"https://cdn.example.com/{number}.png" for number in range(4)]
    events = [{"type": "image_generation.partial_succeeded", name: each, "url": urls[each]} for each in order]
    if listed:
        assert addresses(read({"data": [{name: each, "url": urls[each]} for each in order]})) == urls
    lines = [b"data: " + orjson.dumps(event) + b"\n\n" for event in events]
    end = b'data: {"type":"image_generation.completed","usage":{}}\n\n'
    assert addresses(read_answer(b"".join(lines) + end)) == urls


DRAFTS = st.sampled_from(
    [
        {"type": "response.image_generation_call.partial_image", "partial_image_b64": PNG2},
        {"type": "image_generation.partial_image", "b64_json": PNG2},
        {"type": "partial_image", "url": B},
        {"choices": [{"delta": {"images": [{"image_url": {"url": B}, "is_partial": True}]}}]},
        {"choices": [{"delta": {"multi_mod_content": [{"thought": True, "inlineData": {"data": PNG2}}]}}]},
        {"choices": [{"delta": {"content": f"![preview]({B})\n"}}]},
        {"choices": [{"delta": {"content": f"![草图 1]({B})\n"}}]},
        {"id": "t", "status": "processing", "progress": 40, "images": [B]},
    ]
)
ENDS: dict[str, tuple[list[object], bytes, str]] = {
    "cut off": ([], b"", "ambiguous"),
    "an end mark": ([], b"data: [DONE]\n\n", "ambiguous"),
    "an orderly end": (
        [{"choices": [{"delta": {}, "finish_reason": "stop"}]}],
        b"data: [DONE]\n\n",
        "ambiguous",
    ),
    "an error": ([{"error": {"code": "moderation_blocked", "message": "no"}}], b"", "permanent"),
    "moderation": ([{"choices": [{"delta": {}, "finish_reason": "content_filter"}]}], b"", "permanent"),
    "the image": ([{"choices": [{"delta": {"content": f"![a]({A})"}}]}], b"data: [DONE]\n\n", "success"),
}


@given(st.lists(DRAFTS, min_size=1, max_size=4), st.sampled_from(sorted(ENDS)))
def test_what_ends_after_drafts_is_judged_by_its_end(drafts: list[object], end: str) -> None:
    events, tail, outcome = ENDS[end]
    lines = [b"data: " + orjson.dumps(event) + b"\n\n" for event in (*drafts, *events)]
    answer = read_answer(b"".join(lines) + tail)
    assert addresses(answer) == ([A] if outcome == "success" else [])
    found = classify(answer, status=200).outcome.value
    assert found == outcome or (found, end) in {
        ("pending", each) for each in ("cut off", "an end mark", "an orderly end")
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://googleusercontent.com/image_generation_content/0",
        "https://placehold.co/1024x1024.png",
        "https://cdn.example.com/{image_id}.png",
    ],
)
def test_a_placeholder_is_no_image(url: str) -> None:
    body = {"choices": [{"message": {"content": f"Here it is: ![a]({url})"}, "finish_reason": "stop"}]}
    assert summary(classified(200, body)) == "no_image no_image"
    assert addresses(read({"data": [{"url": url}]})) == []


# Other members, addresses without an extension, bodies that are images


@pytest.mark.parametrize("name", ["answer", "text", "output_text", "response", "content", "reply"])
def test_the_text_of_the_model_is_read_without_choices(name: str) -> None:
    assert addresses(read({"event": "message", "task_id": "t1", name: f"Look: ![a]({BARE})"})) == [BARE]
    stream = [{"event": "message", name: part} for part in ("![a](https://cdn.exam", "ple.com/x)")]
    lines = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in stream)
    assert addresses(read_answer(lines)) == ["https://cdn.example.com/x"]


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        f"Image URL: {BARE}",
        f"Here is your image:\n{BARE}",
        f"图片地址：{BARE}",
        f"**Picture**: <{BARE}>",
    ],
)
def test_a_bare_address_that_is_presented_as_an_image_is_one(text: str) -> None:
    assert addresses(read({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})) == [BARE]


@pytest.mark.parametrize(
    "text",
    [
        f"See {BARE} for the rules",
        f"Report: {BARE}",
        "Image: https://example.com/gallery",
        f"Image: {BARE}.html",
    ],
)
def test_other_bare_addresses_are_no_images(text: str) -> None:
    assert addresses(read({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})) == []


@given(st.sampled_from([PNG, JPEG]), st.lists(st.integers(0, 200), max_size=5))
def test_a_body_that_is_an_image_is_read_in_any_chunks(payload: str, points: list[int]) -> None:
    answer = stream_read(base64.b64decode(payload), points)
    mime = "png" if payload is PNG else "jpeg"
    assert addresses(answer) == [data(payload, mime)]


def test_a_body_that_is_half_an_image_is_ambiguous() -> None:
    assert summary(classified(200, base64.b64decode(PNG)[:-20])) == "ambiguous protocol_error"
