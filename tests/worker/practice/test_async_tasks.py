"""Asynchronous tasks of the practice provider."""

from worker.practice.async_tasks import AsyncTasks, image_address, raw_data_body, task_status_body

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
