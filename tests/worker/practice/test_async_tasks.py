"""Asynchronous tasks of the practice provider."""

import orjson
import pytest

from models.outcomes import Outcome
from worker.practice.async_tasks import (
    INLINE,
    TASK_PATHS,
    AsyncTasks,
    PublishedTask,
    image_address,
    published_body,
    raw_data_body,
    record_body,
    submit_body,
    task_status_body,
)
from worker.practice.drawing.png import tiny_png
from worker.practice.responses import to_base64
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.response_reader import read_answer
from worker.upstream.polling.poll import PollStage, read_poll

BASE = "http://127.0.0.1:1"


def test_a_task_runs_for_the_given_polls_and_is_then_done() -> None:
    tasks = AsyncTasks(running=2)
    tasks.start("a")
    assert [tasks.poll("a") for _ in range(4)] == [False, False, True, True]


def test_an_unknown_task_is_neither_running_nor_done() -> None:
    assert AsyncTasks(running=0).poll("a") is None


def test_a_task_that_is_started_again_runs_again() -> None:
    tasks = AsyncTasks(running=1)
    tasks.start("a")
    assert [tasks.poll("a"), tasks.poll("a")] == [False, True]
    tasks.start("a")
    assert tasks.poll("a") is False


def test_both_bodies_name_the_image_only_once_the_task_is_done() -> None:
    url = f"{BASE}/elsewhere/{image_address('a')}"
    assert raw_data_body("a", done=False, base_url=BASE)["urls"] == []
    assert raw_data_body("a", done=True, base_url=BASE)["urls"] == [url]
    assert task_status_body("a", done=False, base_url=BASE)["data"]["data"] is None
    assert task_status_body("a", done=True, base_url=BASE)["data"]["data"]["data"] == [{"url": url}]


@pytest.mark.parametrize("dialect", TASK_PATHS)
def test_every_dialect_takes_a_call_as_a_task_and_shows_its_images_once_it_is_done(dialect: str) -> None:
    answer = read_answer(orjson.dumps(submit_body("task_000001", dialect)))
    assert (classify(answer, status=200).outcome, answer.task_id) == (Outcome.PENDING, "task_000001")
    inline = [to_base64(tiny_png("a cat", number)) for number in (1, 2)] if dialect == INLINE else []
    task = PublishedTask(dialect, ["https://a.example/1.png", "https://a.example/2.png"], inline)
    polls = [
        read_poll(200, {}, orjson.dumps(published_body("task_000001", task, done=done)))
        for done in (False, True)
    ]
    assert [poll.stage for poll in polls] == [PollStage.RUNNING, PollStage.DONE]
    assert len(polls[1].images) == 2
    assert [image.url for image in polls[1].images] == (task.urls if not inline else [None, None])


def test_a_finished_record_shows_its_images_at_once() -> None:
    answer = read_answer(orjson.dumps(record_body("task_000001", ["https://a.example/1.png"])))
    assert [image.url for image in answer.images] == ["https://a.example/1.png"]
