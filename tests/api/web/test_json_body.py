"""JSON request bodies: what is refused, and where."""

from typing import Any

import orjson
import pytest
from sqlalchemy import select

from api.web.json_body import DEPTH, check_free_form, parse
from api.web.problems import Problem
from models.errors import InvalidRequest
from models.ids import parse_id
from models.tables import jobs
from tests.api.service import JOB, Service

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


BEYOND = 2**64
INTEGERS = [2**63, -(2**63), 2**64 - 1]


@pytest.mark.parametrize("value", [*INTEGERS, BEYOND, -(2**63) - 1, 10**40])
def test_integers_are_read_exactly(value: int) -> None:
    assert parse(b'{"a": [%d, "%d"]}' % (value, value)).value == {"a": [value, str(value)]}


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(Problem, match="not valid JSON"):
        parse(b"9" * 5000)


async def test_an_integer_of_64_bits_is_kept_and_one_beyond_is_refused_by_name(service: Service) -> None:
    for name in ("params", "metadata"):
        await service.submit(**{name: {"seeds": INTEGERS}})
        content = orjson.dumps(JOB)[:-1] + b', "%b": {"a": {"seed": [1, %d]}}}' % (name.encode(), BEYOND)
        answer = await service.post("/v1/jobs", content=content)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"{name}.a.seed.1")
        assert "64 bits" in answer.json()["detail"]
    with_metadata, with_params = (await service.get("/v1/jobs")).json()["data"]
    assert with_metadata["metadata"] == {"seeds": INTEGERS}
    async with service.services.database.reading() as connection:
        stored = select(jobs.c.request).where(jobs.c.id == parse_id("job", with_params["id"]))
        assert (await connection.scalar(stored))["params"] == {"seeds": INTEGERS}


async def test_the_integers_of_a_batch_reject_their_own_jobs_only(service: Service) -> None:
    batch = (
        b'{"jobs": [{"model": "m", "prompt": "a", "params": {"seed": %d}}, {"model": "m", "prompt": "b"}]}'
    )
    answer = (await service.post("/v1/jobs", content=batch % BEYOND)).json()
    assert [each["index"] for each in answer["accepted"]] == [1]
    assert "params.seed" in answer["rejected"][0]["message"]


def test_an_empty_body_has_a_message_of_its_own() -> None:
    with pytest.raises(Problem, match="The body is empty"):
        parse(b"")


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
