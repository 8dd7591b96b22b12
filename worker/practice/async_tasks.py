"""Asynchronous tasks of replayed responses, and the bodies of their status requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from worker.practice.images import FOREIGN_PREFIX


@dataclass(frozen=True, slots=True)
class PublishedTask:
    """A task that a call started, in the dialect of one family of relays, with the URLs of its images."""

    dialect: str  #: s, a, c, e, k or o: see docs/providers.md
    urls: Sequence[str]
    inline: Sequence[str] = ()  #: the same images as base64, for a dialect without addresses


class AsyncTasks:
    """Tasks by id. Each is running for the first polls, then done, with an image of its own."""

    def __init__(self, running: int) -> None:
        self._running = running  # polls for which a task is running
        self._polls_left: dict[str, int] = {}
        self.killing: set[str] = set()  #: tasks whose first poll ends the worker that asks
        self.published: dict[str, PublishedTask] = {}  #: tasks of calls, by id

    def start(self, *ids: str) -> None:
        """Start tasks; a known task starts again."""
        self._polls_left |= dict.fromkeys(ids, self._running)

    def publish(self, task: str, published: PublishedTask) -> None:
        """Start a task that a call asked for."""
        self.published[task] = published
        self.start(task)

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


#: the path at which each dialect serves its tasks, below the API version
TASK_PATHS = {
    **{"s": "images/tasks", "c": "images/tasks", "a": "tasks", "e": "tasks", "k": "images/generations"},
    "o": "responses",
}
INLINE = "o"  #: the dialect that sends its images as base64


def submit_body(task: str, dialect: str) -> dict[str, Any]:
    """Return the answer to a call that a relay of this dialect takes as a task."""
    match dialect:
        case "a":
            return {"code": 200, "data": [{"status": "submitted", "task_id": task}]}
        case "c":
            return {"task_id": task}
        case "s":
            members = {"status": "processing", "poll_url": f"/v1/images/tasks/{task}"}
            return {"id": task, "task_id": task, "object": "image.generation.task", **members}
        case "o":
            return _response(task, "queued", ())
    return {"id": task, "object": "image.generation.task", "status": "pending", "progress": 0}


def published_body(task: str, published: PublishedTask, *, done: bool) -> dict[str, Any]:
    """Return the answer to a poll of a task that a call started."""
    images = [{"url": url} for url in published.urls]
    members: dict[str, Any]
    match published.dialect:
        case "a":
            state = {
                "id": task,
                "status": "completed" if done else "processing",
                "progress": 100 if done else 45,
            }
            result = {"images": [{"url": list(published.urls)}]} if done else None
            return {"code": 200, "data": {**state, "result": result}}
        case "c":
            state = {"task_id": task, "status": "SUCCESS" if done else "IN_PROGRESS", "progress": "45%"}
            return {
                "code": "success",
                "message": "",
                "data": {**state, "data": {"data": images} if done else None},
            }
        case "o":
            return _response(task, "completed" if done else "in_progress", published.inline if done else ())
        case "e":
            members = {"results": list(published.urls) if done else []}
        case "k":
            members = {"data": images} if done else {}
        case _:
            members = {"result": {"created": 0, "data": images} if done else None}
    return {
        "id": task,
        "status": "completed" if done else "processing",
        "progress": 100 if done else 45,
        **members,
    }


def _response(task: str, status: str, images: Sequence[str]) -> dict[str, Any]:
    """Return a background response of OpenAI's, as its create and its polls answer."""
    output = [
        {"id": f"ig_{number}", "type": "image_generation_call", "status": "completed", "result": image}
        for number, image in enumerate(images)
    ]
    members = {"background": True, "created_at": 0, "error": None, "incomplete_details": None}
    return {"id": task, "object": "response", "status": status, **members, "output": output}


def record_body(task: str, urls: Sequence[str]) -> dict[str, Any]:
    """Return the record of a finished task as the answer to the call itself."""
    result = orjson.dumps({"resultUrls": list(urls)}).decode()
    return {"code": 200, "msg": "success", "data": {"taskId": task, "state": "success", "resultJson": result}}
