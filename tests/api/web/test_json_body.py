"""JSON request bodies: what is refused, and where."""

from typing import Any

import orjson
import pytest

from api.web.json_body import DEPTH, check_free_form, parse_json
from api.web.problems import Problem
from models.errors import InvalidRequest
from tests.api.service import Service

NOT_JSON = [
    b"",
    b"{",
    b"nonsense",
    b'{"model": "m", "prompt": NaN}',
    b'{"model": "m", "prompt": "a", "n": 1e999}',
    b'{"model": "m", "prompt": "\xff\xfe"}',
    b'{"model": "m", "prompt": "\\ud800"}',
    b'\xef\xbb\xbf{"model": "m", "prompt": "a"}',
    b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    '{"model": "m", "prompt": "a"}'.encode("utf-16"),
]


async def test_a_body_that_is_not_json_is_refused(service: Service) -> None:
    for content in NOT_JSON:
        answer = await service.post("/v1/jobs", content=content)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await service.get("/v1/jobs")).json()["data"] == []


async def test_a_deeply_nested_field_is_refused(service: Service) -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    for name in ("params", "metadata"):
        content = b'{"model":"m","prompt":"p","%b":%b}' % (name.encode(), deep)
        answer = await service.post("/v1/jobs", content=content)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)
    assert (await service.get("/v1/jobs")).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"a": {"b": ["x", "\\u0000"]}}', "a.b.1"),
        ('{"a": [{"b\\u0000": 1}]}', "a.0"),
        ('"\\u0000"', "body"),
        ('{"%s": "\\u0000"}' % ("k" * 300), "k" * 200),
    ],
)
async def test_a_nul_character_is_refused_by_the_path_of_its_member(
    service: Service, body: str, path: str
) -> None:
    answer = await service.post("/v1/jobs", content=body.encode())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, path)


def test_an_empty_body_has_a_message_of_its_own() -> None:
    with pytest.raises(Problem, match="The body is empty"):
        parse_json(b"")


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_free_form_objects_have_limits_of_depth_and_size() -> None:
    check_free_form("params", nested(DEPTH), 10_000)
    with pytest.raises(InvalidRequest, match=f"at most {DEPTH} levels"):
        check_free_form("params", {"a": nested(DEPTH)}, 10_000)
    value = {"a": "x" * 100}
    check_free_form("params", value, len(orjson.dumps(value)))
    with pytest.raises(InvalidRequest, match="bytes as JSON"):
        check_free_form("params", value, len(orjson.dumps(value)) - 1)
