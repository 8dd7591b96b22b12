"""What is answered: the envelope of submits, and every failure in its shape. Always compact JSON."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from api.jobs.submit import QUEUE_FULL
from api.web.problems import Problem, storable_text
from models.midjourney.protocol import Code
from models.midjourney.serializers import INSTANCE

CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "X-Request-Id"}
_UNPROCESSABLE = 422  # well-formed but refused: these clients expect 200 with a code


class Json(Response):
    """JSON without spaces: a relay in front of us looks for ``"code":22`` letter by letter."""

    media_type = "application/json"

    def __init__(self, content: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status, CORS | {"Cache-Control": "no-store"} | dict(headers or {}))
        self.headers["content-type"] = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        """Write the content."""
        return orjson.dumps(content)


class SubmitError(Exception):
    """A submit that is not accepted; ``status`` is HTTP's."""

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
    """Answer a submit."""
    content = {"code": code, "description": description, "result": result, "properties": properties}
    return Json(content, status)


def dialog(number: int, properties: Mapping[str, Any]) -> Json:
    """Answer a submit whose task waits for a dialog. ``properties`` are the task's."""
    words = "Waiting for the dialog: send its prompt and mask to submit/modal."
    final, remix = properties.get("finalPrompt", ""), properties.get("remix", False)
    return submit_response(
        Code.DIALOG, words, str(number), finalPrompt=final, remix=remix, discordInstanceId=INSTANCE
    )


def refused(refusal: SubmitError) -> Json:
    """Answer a submit that is not accepted: without a result, which clients would poll."""
    return submit_response(refusal.code, refusal.description, status=refusal.status, **refusal.properties)


def of_problem(problem: Problem) -> Json:
    """Put any failure of ours into an envelope.

    Never code 3, by which relays take the whole channel for gone.
    """
    full = problem.code == QUEUE_FULL
    status = 200 if full or problem.status == _UNPROCESSABLE else problem.status
    code = Code.QUEUE_FULL if full else Code.FAILURE if status >= 500 else Code.INVALID
    answer = submit_response(code, storable_text(problem.detail), status=status)
    answer.headers.update(problem.headers)
    return answer


def legible(detail: str) -> str:
    """Shorten what is told of a fault."""
    return storable_text(detail)[:1000]
