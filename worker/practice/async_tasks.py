"""Work that answers left unfinished, and what those learn who ask for it later."""

from typing import Any

from worker.practice.images import FOREIGN_PREFIX


class AsyncTasks:
    """Tasks by their ids. Each is found running a few times, and then done, with a picture of its own."""

    def __init__(self, running: int) -> None:
        self._running = running  # polls that find a task running
        self._left: dict[str, int] = {}

    def start(self, *ids: str) -> None:
        """Begin tasks; one that is known begins anew."""
        self._left |= dict.fromkeys(ids, self._running)

    def poll(self, task: str) -> bool | None:
        """Count one poll and tell whether the task is done; ``None``: there is no such task."""
        left = self._left.get(task)
        if left is None:
            return None
        self._left[task] = max(left - 1, 0)
        return left == 0


def image_address(task: str) -> str:
    """Return the foreign address of the picture that a task makes, without its scheme."""
    return f"tasks.example.com/{task}.png"


def raw_data_body(task: str, *, done: bool, base_url: str) -> dict[str, Any]:
    """Write what a raw data link tells: ``{id, status, running, urls}``."""
    urls = [base_url + FOREIGN_PREFIX + image_address(task)] if done else []
    return {"id": task, "status": "completed" if done else "processing", "running": not done, "urls": urls}


def task_status_body(task: str, *, done: bool, base_url: str) -> dict[str, Any]:
    """Write what ``/v1/images/tasks/{id}`` tells."""
    made = (
        {"created": 0, "data": [{"url": base_url + FOREIGN_PREFIX + image_address(task)}]} if done else None
    )
    state = {"status": "SUCCESS" if done else "IN_PROGRESS", "progress": "100%" if done else "45%"}
    return {"code": "success", "message": "", "data": {"task_id": task, **state, "data": made}}
