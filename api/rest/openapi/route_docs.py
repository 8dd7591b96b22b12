"""OpenAPI documentation of routes: parameters, bodies and responses that FastAPI does not see.

The handlers read requests themselves, so FastAPI cannot derive these from their signatures.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.web.problems import MEDIA_TYPE

Parameter = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]
BEARER = "key"  #: name of the security scheme of keys
ACCESS_TOKEN = "token"  #: name of the security scheme of access tokens, and of their query parameter

_PROBLEMS = {
    400: "The body is not valid JSON.",
    401: "The API key is missing or wrong.",
    403: "The API key does not permit this.",
    404: "The resource does not exist, or belongs to another caller.",
    409: "The state of the resource does not allow this.",
    410: "The content was deleted when its time was over.",
    413: "The body is too large.",
    415: "The media type of the body is not supported, or a web page sends something else than JSON.",
    416: "The requested range is not satisfiable.",
    422: "A field or parameter is invalid; `errors` names it.",
    429: "A limit of this key is reached; `detail` names it, and the setting that raises it.",
    503: "The database or the image store is unavailable; retry after Retry-After seconds.",
}


def query_parameter(name: str, description: str, **schema: Any) -> Parameter:
    """Return an optional query parameter with its JSON schema."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def condition_parameters(conditions: type[BaseModel]) -> list[Parameter]:
    """Return the fields of a filter as query parameters: lists as texts with commas, times as texts."""
    found = []
    for name, each in conditions.model_json_schema()["properties"].items():
        schema: dict[str, Any] = {"type": "string"}
        if each.get("format") == "date-time":
            schema["format"] = "date-time"
        for part in each.get("anyOf", ()):
            schema |= part if part.get("type") == "string" else {}
        several = "; several separated by commas" if each.get("type") == "array" else ""
        words = f"{each['description']}{several}."
        found.append(query_parameter(name, words[0].upper() + words[1:], **schema))
    return found


def header_parameter(name: str, description: str, **schema: Any) -> Parameter:
    """Return an optional request header with its JSON schema."""
    return {**query_parameter(name, description, **schema), "in": "header"}


def path_parameter(name: str, description: str) -> Parameter:
    """Return a parameter of the path."""
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def request_docs(
    *parameters: Parameter,
    body: Mapping[str, Any] | None = None,
    body_required: bool = True,
    needs_key: bool = True,
    takes_token: bool = False,
) -> dict[str, Any]:
    """Return parameters, body and security of an operation, as FastAPI's ``openapi_extra``."""
    operation: dict[str, Any] = {}
    if parameters:
        operation["parameters"] = list(parameters)
    if body is not None:
        operation["requestBody"] = {"required": body_required, "content": {"application/json": dict(body)}}
    if needs_key:
        operation["security"] = [{BEARER: []}, *([{ACCESS_TOKEN: []}] if takes_token else [])]
    return operation


def schema_ref(name: str) -> dict[str, str]:
    """Return a reference to a schema component."""
    return {"$ref": f"#/components/schemas/{name}"}


def response(
    status: int, description: str, schema: Mapping[str, Any] | None, *, media_type: str = "application/json"
) -> Responses:
    """Return the response of a status below 400; without a schema it has no body."""
    content = {} if schema is None else {"content": {media_type: {"schema": dict(schema)}}}
    return {status: {"description": description, **content}}


def problem_responses(*statuses: int) -> Responses:
    """Return the error responses of these statuses, each a problem document."""
    content = {MEDIA_TYPE: {"schema": schema_ref("ProblemDocument")}}
    return {status: {"description": _PROBLEMS[status], "content": content} for status in statuses}


def merge_responses(*responses: Responses) -> Responses:
    """Return the responses of several statuses as one mapping."""
    return {status: described for each in responses for status, described in each.items()}


def comma_separated(values: Sequence[str]) -> str:
    """Return the values of an enumeration for a description."""
    return ", ".join(values)


def add_route(
    router: APIRouter,
    method: str,
    path: str,
    handler: Callable[[Request], Awaitable[Response]],
    summary: str,
    responses: Responses,
    documented: dict[str, Any],
    *,
    tag: str,
) -> None:
    """Add a route to a part of the documentation; the first of its responses is that of a success."""
    router.add_api_route(
        path,
        handler,
        methods=[method],
        tags=[tag],
        summary=summary,
        responses=responses,
        openapi_extra=documented,
        status_code=int(next(iter(responses))),
    )


add_operation = partial(add_route, tag="operations")
