"""The address of explanations, with its description."""

from fastapi import APIRouter

from api.rest.explain import MOST, post_explain
from api.rest.openapi.route_docs import answers, extra, merged, problems, reference

_ANSWER = reference("ObservedAnswer")
_EXPLAIN = {
    "schema": {
        "anyOf": [
            {
                "type": "object",
                "required": ["answers"],
                "additionalProperties": False,
                "properties": {
                    "answers": {"type": "array", "minItems": 1, "maxItems": MOST, "items": _ANSWER}
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


def add_explain(router: APIRouter) -> None:
    """Add ``POST /v1/explain``."""
    one, many = reference("ExplanationDocument"), reference("ExplanationPageDocument")
    router.add_api_route(
        "/v1/explain",
        post_explain,
        methods=["POST"],
        tags=["operations"],
        summary="Say what an answer of a provider means, or up to 100; nothing is called (admin keys)",
        responses=merged(
            answers(200, "The explanation; of several, each in turn.", {"anyOf": [one, many]}),
            problems(400, 401, 403, 413, 422),
        ),
        openapi_extra=extra(body=_EXPLAIN),
    )
