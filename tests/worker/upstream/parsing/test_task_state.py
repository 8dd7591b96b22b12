"""The state of a task is recognised in many spellings, and its results in many members."""

from typing import Any

import pytest

from worker.upstream.parsing.task_state import ProviderTask, TaskStage, read_task, stage_of


@pytest.mark.parametrize("word", ["completed", "SUCCEED", "TASK_STATUS_SUCCEED", "已完成", "ready"])
def test_a_finished_state_is_recognised_in_many_spellings(word: str) -> None:
    assert stage_of(word) is TaskStage.DONE


@pytest.mark.parametrize(
    ("word", "stage"),
    [
        ("FAILURE", TaskStage.FAILED),
        ("timed out", TaskStage.FAILED),
        ("生成失败", TaskStage.FAILED),
        ("task_not_found", TaskStage.MISSING),
        ("任务不存在", TaskStage.MISSING),
        ("not completed", TaskStage.RUNNING),
        ("未完成", TaskStage.RUNNING),
        ("almost-done", TaskStage.RUNNING),
        ("frobnicating", TaskStage.RUNNING),
    ],
)
def test_other_states_are_recognised_and_unknown_ones_mean_running(word: str, stage: TaskStage) -> None:
    assert stage_of(word) is stage


def task(body: Any) -> ProviderTask:
    found = read_task(body)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("body", "stage"),
    [
        ({"status": "error"}, TaskStage.UNSTATED),
        ({"id": "t", "status": "error"}, TaskStage.FAILED),
        ({"status": "error", "fail_reason": "x"}, TaskStage.FAILED),
        ({"running": True, "fail_reason": "x"}, TaskStage.RUNNING),
        ({"running": False}, TaskStage.STOPPED),
        ({"message": "no such task"}, TaskStage.MISSING),
        ({"progress": 30}, TaskStage.RUNNING),
        ({"message": "hello"}, TaskStage.UNSTATED),
        ({"status": 7, "data": {"state": "done"}}, TaskStage.DONE),
    ],
)
def test_the_stage_follows_from_the_state_or_else_from_other_members(body: Any, stage: TaskStage) -> None:
    assert task(body).stage is stage


@pytest.mark.parametrize("body", [None, "text", 7, True])
def test_a_body_that_is_neither_object_nor_list_has_no_task(body: object) -> None:
    assert read_task(body) is None


def test_the_reason_of_the_task_outranks_the_message_of_the_response() -> None:
    found = task({"message": "ok then", "data": {"id": "t", "status": "failed", "fail_reason": "too dark"}})
    assert (found.reason, found.sure, found.state) == ("too dark", True, "failed")


def test_a_reason_in_an_object_is_joined_from_its_code_and_message() -> None:
    assert task({"id": "t", "error": {"code": "E1", "message": "boom", "x": 1}}).reason == "E1; boom"


@pytest.mark.parametrize(
    ("body", "progress"), [({"progress": 0.25}, 25.0), ({"percent": "40%"}, 40), ({"progress": "soon"}, None)]
)
def test_progress_is_in_percent(body: Any, progress: float | None) -> None:
    assert task(body).progress == progress


def test_echoes_are_removed_and_aliases_renamed() -> None:
    body = {"prompt": "x", "thumbnail": "t", "img_paths": ["a"], "outputs": ["b"], "videoUrl": None}
    assert task(body).cleaned == {"images": ["a", "b"]}


def test_json_within_a_string_is_parsed() -> None:
    assert task({"resultJson": '{"resultUrls": ["a"]}'}).cleaned == {"result": {"images": ["a"]}}


def test_a_task_with_finished_and_pending_images_is_unfinished() -> None:
    images = [{"url": "a", "status": "done"}, {"url": "b", "status": "running"}]
    assert task({"images": images}).unfinished
    assert not task({"images": images[:1]}).unfinished
    assert task({"running": True, "video_url": None}).unfinished


def test_only_the_url_of_a_finished_task_is_an_image() -> None:
    url = "https://cdn.example.com/get/1"
    assert task({"id": "t", "status": "done", "url": url}).cleaned["image_url"] == url
    assert "image_url" not in task({"id": "t", "status": "queued", "url": url}).cleaned
