"""Documentation of routes as OpenAPI objects."""

from api.rest.openapi.route_docs import (
    header_parameter,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)


def test_only_parameters_of_the_path_are_required() -> None:
    found = [query_parameter("limit", "…"), header_parameter("Prefer", "…"), path_parameter("job_id", "…")]
    assert [(each["in"], each["required"]) for each in found] == [
        ("query", False),
        ("header", False),
        ("path", True),
    ]


def test_a_request_is_documented_by_what_it_has() -> None:
    assert request_docs(needs_key=False) == {}
    body = {"schema": schema_ref("Submission")}
    assert request_docs(body=body, body_required=False) == {
        "requestBody": {"required": False, "content": {"application/json": body}},
        "security": [{"key": []}],
    }


def test_responses_are_merged_by_status_and_errors_are_problems() -> None:
    found = merge_responses(response(204, "Nothing.", None), problem_responses(404, 422))
    assert list(found) == [204, 404, 422]
    assert "content" not in found[204]
    assert found[404]["content"] == {"application/problem+json": {"schema": schema_ref("ProblemDocument")}}
