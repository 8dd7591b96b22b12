"""Small words for describing routes in OpenAPI: our handlers read requests themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.web.problems import MEDIA_TYPE

Parameter = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]
BEARER = "key"  #: the name of the security scheme

_PROBLEMS = {
    400: "The body is not JSON.",
    401: "There is no key, or a wrong one.",
    403: "This is not for this key.",
    404: "There is no such thing, or it is not yours.",
    409: "Its state does not allow this.",
    413: "The body is too large.",
    416: "There is no such range.",
    422: "Something that was sent is wrong; errors names it.",
    429: "As many jobs wait as your key may have; try again after Retry-After seconds.",
    503: "Something behind is not available; try again soon.",
}


def query_parameter(name: str, description: str, **schema: Any) -> Parameter:
    """Describe a query parameter."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def header_parameter(name: str, description: str, **schema: Any) -> Parameter:
    """Describe a request header."""
    return {**query_parameter(name, description, **schema), "in": "header"}


def path_parameter(name: str, description: str) -> Parameter:
    """Describe a part of the address."""
    shape = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": shape}


def request_docs(
    *parameters: Parameter,
    body: Mapping[str, Any] | None = None,
    body_required: bool = True,
    key: bool = True,
) -> dict[str, Any]:
    """Describe what a route takes. ``key``: it needs one."""
    described: dict[str, Any] = {}
    if parameters:
        described["parameters"] = list(parameters)
    if body is not None:
        described["requestBody"] = {"required": body_required, "content": {"application/json": dict(body)}}
    if key:
        described["security"] = [{BEARER: []}]
    return described


def schema_ref(name: str) -> dict[str, str]:
    """Refer to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def response(
    status: int, description: str, schema: Mapping[str, Any] | None, *, media_type: str = "application/json"
) -> Responses:
    """Describe a good answer; without a schema it has no body."""
    content = {} if schema is None else {"content": {media_type: {"schema": dict(schema)}}}
    return {status: {"description": description, **content}}


def problem_responses(*statuses: int) -> Responses:
    """Describe the problems that a route may answer with."""
    content = {MEDIA_TYPE: {"schema": schema_ref("ProblemDocument")}}
    return {status: {"description": _PROBLEMS[status], "content": content} for status in statuses}


def merge_responses(*responses: Responses) -> Responses:
    """Put descriptions of answers together."""
    return {status: answer for each in responses for status, answer in each.items()}


def comma_separated(values: Sequence[str]) -> str:
    """Name the values that a text parameter may have."""
    return ", ".join(values)
