"""Responses: the envelope of a submit, and every error in the same shape, as compact JSON."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from api.jobs.submit import QUEUE_FULL
from api.web.problems import Problem, storable_text
from models.midjourney.protocol import Code
from models.midjourney.serializers import DISCORD_INSTANCE

CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "X-Request-Id"}
_MISSING = 404
_UNPROCESSABLE = 422  # answered with 200 and a code, as these clients expect
_MAX_DETAIL = 1000  # characters
_DIALOG = "Waiting for window confirm"  # web clients compare it, or search it for "confirm"


class Json(Response):
    """JSON without spaces: relays search the bytes for ``"code":22``."""

    media_type = "application/json"

    def __init__(self, content: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status, CORS | {"Cache-Control": "no-store"} | dict(headers or {}))
        self.headers["content-type"] = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        """Serialize the content."""
        return orjson.dumps(content)


class SubmitError(Exception):
    """A request that is not accepted: code, description and properties of its envelope, and HTTP status."""

    def __init__(self, code: Code, description: str, *, status: int = 200, **properties: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.status, self.properties = code, description, status, properties


def submit_response(
    code: Code,
    description: str,
    result: str | list[str] | None = None,
    *,
    status: int = 200,
    **properties: Any,
) -> Json:
    """Return the envelope of a submit."""
    content: dict[str, Any] = {
        "code": code,
        "description": description,
        "result": result,
        "properties": properties,
    }
    if status == _MISSING:
        content["state"] = None  # chat plug-ins read it of any answer to a fetch, before anything else
    return Json(content, status)


def dialog_response(task_id: int, properties: Mapping[str, Any]) -> Json:
    """Return the envelope of a task that waits for a dialog. ``properties`` are the task's."""
    return submit_response(
        Code.DIALOG,
        _DIALOG,
        str(task_id),
        finalPrompt=properties.get("finalPrompt", ""),
        remix=True,
        discordInstanceId=DISCORD_INSTANCE,
    )


def error_response(error: SubmitError) -> Json:
    """Return the envelope of an error: without a result, which clients would poll."""
    return submit_response(error.code, error.description, status=error.status, **error.properties)


def problem_response(problem: Problem) -> Json:
    """Return the envelope of a problem.

    Never with code 3, by which relays disable the whole channel.
    """
    full = problem.code == QUEUE_FULL
    status = 200 if full or problem.status == _UNPROCESSABLE else problem.status
    code = Code.QUEUE_FULL if full else Code.FAILURE if status >= 500 else Code.INVALID
    response = submit_response(code, storable_text(problem.detail), status=status)
    response.headers.update(problem.headers)
    return response


def short_text(detail: str) -> str:
    """Return an error's text for a description, shortened."""
    return storable_text(detail)[:_MAX_DETAIL]
