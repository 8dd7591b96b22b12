"""Documents of a picture task, one per path: each has the members of all dialects that are read there.

Source of the members: the relays' documentation and clients, as ``docs/openai.md`` lists them.
"""

from collections.abc import Mapping
from typing import Any

from api.openai.tasks.task import PictureTask, TaskState

OBJECT = "image.generation.task"
_LIFETIME = 10 * 365 * 86_400  # seconds: dialects want an end, and pictures have none
_C = {
    TaskState.PENDING: "NOT_START",
    TaskState.PROCESSING: "IN_PROGRESS",
    TaskState.COMPLETED: "SUCCESS",
    TaskState.FAILED: "FAILURE",
    TaskState.CANCELLED: "FAILURE",
}
_S = {TaskState.PENDING: "processing", TaskState.CANCELLED: "failed"}
_K = {TaskState.PROCESSING: "in_progress", TaskState.CANCELLED: "failed"}
_OK = 200


def submit_document(task: PictureTask, *, public_url: str) -> dict[str, Any]:
    """Return the answer of a submit: S, K, C, E and A."""
    return {
        "id": task.id,
        "task_id": task.id,
        "object": OBJECT,
        "status": TaskState.PROCESSING.value,
        "progress": 0,
        "model": task.model,
        "prompt": task.prompt,
        "type": "image",
        "task_info": {"can_cancel": True},
        "created": task.created,
        "created_at": task.created,
        "expires_at": task.created + _LIFETIME,
        "poll_url": poll_url(task.id, public_url),
        "code": 200,
        "data": [{"status": "submitted", "task_id": task.id}],
    }


def poll_url(task_id: str, public_url: str) -> str:
    """Return the address at which a task is polled."""
    return f"{public_url}/v1/images/tasks/{task_id}"


def images_task_document(task: PictureTask, *, public_url: str) -> dict[str, Any]:
    """Return the answer of ``/v1/images/tasks/{id}``: S at the top, C in ``data``."""
    document: dict[str, Any] = {
        "id": task.id,
        "task_id": task.id,
        "object": OBJECT,
        "status": _S.get(task.state, task.state.value),
        "created_at": task.created,
        "expires_at": task.created + _LIFETIME,
        "poll_url": poll_url(task.id, public_url),
        "code": "success",
        "message": "",
        "data": _c_data(task),
    }
    if task.finished is not None:
        document["completed_at"] = task.finished
    if task.pictures:
        document |= {"http_status": _OK, "image_url": task.urls[0], "result": _images(task)}
    if task.failure is not None:
        document |= {"http_status": task.failure.status, "error": task.failure.error()}
    return document


def _c_data(task: PictureTask) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "platform": "darkroom",
        "action": "IMAGE",
        "status": _C[task.state],
        "progress": f"{task.progress}%",
        "fail_reason": "" if task.failure is None else task.failure.message,
        "submit_time": task.created,
        "start_time": task.started or 0,
        "finish_time": task.finished or 0,
        "data": _images(task) if task.pictures else None,
    }


def task_document(task: PictureTask) -> dict[str, Any]:
    """Return the answer of ``/v1/tasks/{id}``: E at the top, A in ``data``."""
    document: dict[str, Any] = {
        "id": task.id,
        "task_id": task.id,
        "object": OBJECT,
        "status": task.state.value,
        "progress": task.progress,
        "model": task.model,
        "type": "image",
        "created": task.created,
        "task_info": {"can_cancel": task.finished is None},
        "code": _OK,
        "data": a_data(task),
    }
    if task.pictures:
        document["results"] = task.urls
    if task.failure is not None:
        document["error"] = task.failure.error()
    return document


def a_data(task: PictureTask) -> dict[str, Any]:
    """Return a task as A writes it, alone and in lists."""
    data: dict[str, Any] = {
        "id": task.id,
        "status": task.state.value,
        "progress": task.progress,
        "created": task.created,
    }
    if task.finished is not None:
        data |= {"completed": task.finished, "actual_time": task.seconds}
    if task.pictures:
        ends = task.created + _LIFETIME
        data["result"] = {"images": [{"url": [url], "expires_at": ends} for url in task.urls]}
    if task.failure is not None:
        data["error"] = task.failure.error()
    return data


def unknown_data(task_id: str) -> Mapping[str, Any]:
    """Return what a list says of an id that its caller has no task of."""
    error = {"message": "There is no such task.", "type": "invalid_request_error", "code": "not_found"}
    return {"id": task_id, "status": TaskState.FAILED.value, "progress": 0, "error": error}


def generation_document(task: PictureTask) -> dict[str, Any]:
    """Return the answer of ``/v1/images/generations/{id}``: K."""
    document: dict[str, Any] = {
        "id": task.id,
        "task_id": task.id,
        "object": "image.generation",
        "status": _K.get(task.state, task.state.value),
        "progress": task.progress,
        "model": task.model,
        "prompt": task.prompt,
        "created": task.created,
        "data": _images(task)["data"],
    }
    if task.failure is not None:
        document["error"] = task.failure.error()
    return document


def _images(task: PictureTask) -> dict[str, Any]:
    return {"created": task.finished or task.created, "data": [{"url": url} for url in task.urls]}
