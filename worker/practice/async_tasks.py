"""Asynchronous tasks of replayed responses, and the bodies of their status requests."""

from typing import Any

from worker.practice.images import FOREIGN_PREFIX


class AsyncTasks:
    """Tasks by id. Each is running for the first polls, then done, with an image of its own."""

    def __init__(self, running: int) -> None:
        self._running = running  # polls for which a task is running
        self._polls_left: dict[str, int] = {}

    def start(self, *ids: str) -> None:
        """Start tasks; a known task starts again."""
        self._polls_left |= dict.fromkeys(ids, self._running)

    def poll(self, task: str) -> bool | None:
        """Count one poll and return whether the task is done; ``None``: unknown task."""
        polls_left = self._polls_left.get(task)
        if polls_left is None:
            return None
        self._polls_left[task] = max(polls_left - 1, 0)
        return polls_left == 0


def image_address(task: str) -> str:
    """Return the foreign URL of a task's image, without its scheme."""
    return f"tasks.example.com/{task}.png"


def raw_data_body(task: str, *, done: bool, base_url: str) -> dict[str, Any]:
    """Return the body of a raw data link: ``{id, status, running, urls}``."""
    urls = [base_url + FOREIGN_PREFIX + image_address(task)] if done else []
    return {"id": task, "status": "completed" if done else "processing", "running": not done, "urls": urls}


def task_status_body(task: str, *, done: bool, base_url: str) -> dict[str, Any]:
    """Return the body of ``/v1/images/tasks/{id}``."""
    url = base_url + FOREIGN_PREFIX + image_address(task)
    images = {"created": 0, "data": [{"url": url}]} if done else None
    state = {"status": "SUCCESS" if done else "IN_PROGRESS", "progress": "100%" if done else "45%"}
    return {"code": "success", "message": "", "data": {"task_id": task, **state, "data": images}}
