"""POST /v1/explain: classify captured provider responses, without calling a provider."""

import asyncio
import json
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.rest.openapi.route_docs import merge_responses, problem_responses, request_docs, response, schema_ref
from api.services import services_of
from api.web.json_body import parse, read_bytes
from api.web.problems import Problem, invalid_field
from api.web.responses import JsonResponse
from models.errors import InvalidRequest
from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of

ANSWERS_PER_REQUEST = 100  #: captured responses in one request


async def post_explain(request: Request) -> Response:
    """Explain one captured response, or several. Needs an admin key."""
    caller = await authenticate(request, services_of(request).authenticator)
    if not caller.role.sees_all:
        raise Problem(403, "forbidden", "Only an admin's key may have answers explained.")
    # in a thread: parsing megabytes would block the event loop
    raw = await read_bytes(request, caller, images=True)
    content = await asyncio.to_thread(explain_body, raw)
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


def explain_body(raw: bytes) -> bytes:
    """Return the explanations of the responses in a body, as JSON. Raises problems that name the member."""
    value = parse(raw).value
    if not isinstance(value, dict):
        raise invalid_field("body", 'must be a JSON object: one answer, or {"answers": [...]}')
    if "answers" not in value:
        return _json(_explanation("", value))
    answers = value["answers"]
    if not isinstance(answers, list) or not 1 <= len(answers) <= ANSWERS_PER_REQUEST:
        raise invalid_field("answers", f"must be a list of 1 to {ANSWERS_PER_REQUEST} answers")
    if unknown := sorted(value.keys() - {"answers"}):
        raise invalid_field(unknown[0][:200], "may not stand beside answers; put it into each of them")
    return _json({"data": [_explanation(f"answers.{at}.", answer) for at, answer in enumerate(answers)]})


def _explanation(prefix: str, value: object) -> dict[str, Any]:
    try:
        return explain(observation_of(value)).document()
    except InvalidRequest as error:
        raise invalid_field(f"{prefix}{error.field}", error.message) from error


def _json(document: dict[str, Any]) -> bytes:
    """Serialize as ASCII: captured responses may contain lone surrogates."""
    return json.dumps(document).encode("ascii")


_ANSWER = schema_ref("ObservedAnswer")
_BODY = {
    "schema": {
        "anyOf": [
            {
                "type": "object",
                "required": ["answers"],
                "additionalProperties": False,
                "properties": {
                    "answers": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": ANSWERS_PER_REQUEST,
                        "items": _ANSWER,
                    }
                },
            },
            _ANSWER,
        ]
    },
    "examples": {
        "an error": {"value": {"status": 429, "headers": {"retry-after": "7"}, "body": "slow down"}},
        "no answer": {"value": {"status": None, "transport": "read_timeout"}},
    },
}


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    one, many = schema_ref("ExplanationDocument"), schema_ref("ExplanationPageDocument")
    router.add_api_route(
        "/v1/explain",
        post_explain,
        methods=["POST"],
        tags=["operations"],
        summary=f"Explain up to {ANSWERS_PER_REQUEST} captured provider responses (admin keys)",
        responses=merge_responses(
            response(200, "The explanation, or one per response.", {"anyOf": [one, many]}),
            problem_responses(400, 401, 403, 413, 415, 422),
        ),
        openapi_extra=request_docs(body=_BODY),
    )
