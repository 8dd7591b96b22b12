"""Explaining captured provider responses over the API."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.rest.explain import ANSWERS_PER_REQUEST, explain_body
from api.web.problems import Problem
from tests.api.service import ADMIN, Service
from tests.worker.upstream.diagnosis.observations import ANY_JSON, IMAGE, MEMBERS

ANSWER = {"id": "a", "status": 200, "headers": {}, "body": f"![a]({IMAGE})"}


async def test_an_admin_gets_one_or_several_responses_explained(service: Service) -> None:
    admin = service.with_key(ADMIN)
    one = await admin.post("/v1/explain", json=ANSWER)
    assert (one.status_code, one.json()["images"]) == (200, [IMAGE])
    many = await admin.post(
        "/v1/explain", json={"answers": [ANSWER, {"status": None, "transport": "refused"}]}
    )
    assert [each["outcome"] for each in many.json()["data"]] == ["success", "retry"]


async def test_only_admins_get_responses_explained(service: Service) -> None:
    assert (await service.post("/v1/explain", json=ANSWER)).status_code == 403
    assert (await service.with_key(None).post("/v1/explain", json=ANSWER)).status_code == 401


async def test_an_invalid_member_is_a_problem_that_names_it_and_the_fix(service: Service) -> None:
    answer = await service.with_key(ADMIN).post("/v1/explain", json={"answers": [ANSWER, {"status": "soon"}]})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["field"] == "answers.1.status"
    assert "from 100 to 999" in error["message"]


@pytest.mark.parametrize(
    ("value", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"7", 422, "body"),
        (b'{"answers": {}}', 422, "answers"),
        (b'{"answers": []}', 422, "answers"),
        (orjson.dumps({"answers": [ANSWER] * (ANSWERS_PER_REQUEST + 1)}), 422, "answers"),
        (b'{"answers": [1]}', 422, "answers.0.answer"),
        (b'{"answers": [{"status": 200}], "status": 200}', 422, "status"),
    ],
)
def test_a_body_with_another_schema_is_refused(value: bytes, status: int, field: str | None) -> None:
    with pytest.raises(Problem) as caught:
        explain_body(value)
    assert caught.value.status == status
    assert [error["field"] for error in caught.value.errors] == ([field] if field else [])


def test_lone_surrogates_can_be_explained() -> None:
    body = '{"error": {"message": "\\ud800 NUL \\u0000"}}'
    document = json.loads(explain_body(orjson.dumps({"status": 400, "body": body})))
    assert document["outcome"] == "permanent"


def status_of(raw: bytes) -> int:
    try:
        json.loads(explain_body(raw))
    except Problem as problem:
        return problem.status
    return 200


@given(ANY_JSON | st.dictionaries(st.sampled_from([*MEMBERS, "answers"]), ANY_JSON))
def test_any_json_is_explained_or_refused(value: Any) -> None:
    assert status_of(json.dumps(value).encode()) in (200, 400, 422)
