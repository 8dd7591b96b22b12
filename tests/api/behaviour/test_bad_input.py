"""Invalid requests are answered with a problem that names the field, and write nothing."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import JOB, Service
from tests.worker.images.drawing import draw

PNG = base64.b64encode(draw("PNG")).decode()


async def refused(service: Service, *, status: int, field: str | None, **options: Any) -> dict[str, Any]:
    answer = await service.post("/v1/jobs", **options)
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]]
    assert (await service.get("/v1/jobs")).json()["data"] == []
    return problem


async def test_json_with_another_schema_is_refused(service: Service) -> None:
    for value in (None, 1, "text", [], [JOB], True, {}):
        await refused(service, status=422, field=None, content=orjson.dumps(value))


FIELDS: list[tuple[str, Any]] = [
    ("prompt", None),
    ("prompt", ""),
    ("prompt", " \n"),
    ("prompt", 7),
    ("prompt", ["a"]),
    ("prompt", "a\0b"),
    ("prompt", "a" * 100_001),
    ("model", ""),
    ("model", "m" * 257),
    ("model", {"name": "m"}),
    ("n", 0),
    ("n", 17),
    ("n", 1.0),
    ("n", "2"),
    ("n", True),
    ("n", 2**63),
    ("n", -(2**63)),
    ("size", "big"),
    ("size", "0x10"),
    ("size", "99999x1"),
    ("size", 1024),
    ("priority", 10),
    ("priority", -1),
    ("priority", 2**64 - 1),
    ("max_attempts", 0),
    ("max_attempts", 21),
    ("on_unknown", "maybe"),
    ("not_before", "tomorrow"),
    ("not_before", "2026-01-01T00:00:00"),
    ("not_before", "2026-02-30T00:00:00Z"),
    ("not_before", "0001-01-01T00:00:00+23:59"),
    ("not_before", "9999-12-31T23:59:59-23:59"),
    ("not_before", 1767225600),
    ("not_before", "9000-01-01T00:00:00Z"),
    ("not_before", "1969-12-31T23:59:59Z"),
    ("n", 2**64),
    ("priority", 10**30),
    ("expires_in", 10**40),
    ("retry.no_image.attempts", {"retry": {"no_image": {"attempts": 2**64}}}),
    ("metadata.seed", {"metadata": {"seed": 2**64}}),
    ("expires_at", "9999-12-31T23:59:59Z"),
    ("expires_at", "tomorrow"),
    ("expires_at", "2026-01-01T00:00:00Z"),  # it is over
    ("expires_at", {"not_before": "2100-01-02T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z"}),
    ("expires_in", 0),
    ("expires_in", "60"),
    ("expires_in", 1e12),
    ("expires_in", {"expires_at": "2100-01-01T00:00:00Z", "expires_in": 60}),
    ("retry", 3),
    ("retry.needs_human", {"retry": {"needs_human": {"attempts": 1}}}),
    ("retry.no_image.attempts", {"retry": {"no_image": {"attempts": "3"}}}),
    ("retry.no_image.counts", {"retry": {"no_image": {"counts": False}}}),
    ("retry.rate_limited", {"retry": {"rate_limited": {"base": 9, "cap": 3}}}),
    ("metadata", []),
    ("metadata.a", {"metadata": {"a": "\0"}}),
    ("metadata", {"metadata": {"a\0": 1}}),
    ("metadata", {"a": "x" * 70_000}),
    ("params", "x"),
    ("params", None),
    ("params.stream", {"params": {"stream": False, "style": "x"}}),
    ("params.model", {"params": {"model": "another"}}),
    ("webhook_url", "ftp://h.example"),
    ("webhook_url", "https://"),
    ("webhook_url", "https://h.example/\r\nX: y"),
    ("webhook_url", "https://h.example:99999/"),
    ("webhook_url", "https://[::1"),
    ("campaign", ""),
    ("campaign", "c" * 129),
    ("tags", "one"),
    ("tags.0", [""]),
    ("tags.1", ["a", 1]),
    ("tags", ["t"] * 33),
    ("images", "https://p.example/x.png"),
    ("images", ["https://p.example/x.png"] * 17),
    ("images.0", ["file:///etc/passwd"]),
    ("images.0", ["javascript:alert(1)"]),
    ("images.0", [""]),
    ("images.0", [None]),
    ("images.0", ["asset_nonsense"]),
    ("images.0", ["data:image/png,abc"]),
    ("images.0", ["data:image/png;base64,"]),
    ("images.0", ["data:image/png;base64,!!!!"]),
    ("images.0", ["data:image/png;base64,aGVsbG8gd29ybGQ="]),
    ("images.0", [f"data:image/png;base64,{PNG[:-40]}"]),
    ("images.1", [f"data:image/png;base64,{PNG}", "nonsense"]),
    ("colour", "blue"),
    ("model\u202e", 1),
]


async def test_every_invalid_field_is_named(service: Service) -> None:
    for field, value in FIELDS:
        name = field.split(".")[0]
        fields = value if isinstance(value, dict) and name in value else {name: value}
        await refused(service, status=422, field=field, content=json.dumps(JOB | fields))


async def test_all_missing_fields_are_named_in_one_response(service: Service) -> None:
    problem = await refused(service, status=422, field="model", json={"x": 1})
    assert {error["field"] for error in problem["errors"]} == {"model", "prompt", "x"}


async def test_a_thousand_unknown_fields_give_a_short_response(service: Service) -> None:
    problem = await refused(service, status=422, field=None, json=JOB | {f"x{n}": n for n in range(1000)})
    assert len(problem["errors"]) <= 20


async def test_an_invalid_list_of_jobs_is_refused_as_a_whole(service: Service) -> None:
    for value in ([], {}, None, "x", [JOB] * 1001):
        await refused(service, status=422, field="jobs", json={"jobs": value})


async def test_a_batch_has_no_field_beside_jobs(service: Service) -> None:
    await refused(service, status=422, field="model", json={"jobs": [JOB], "model": "m"})


@pytest.fixture
async def small(make_settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    """An API with small limits."""
    async with started(make_settings(request_body_limit=10_000, input_image_limit=1000)) as running:
        yield running


async def test_a_body_over_the_limit_is_refused(small: Service) -> None:
    await refused(small, status=413, field=None, json=JOB | {"prompt": "a" * 10_001})


async def test_a_body_over_the_limit_is_refused_without_a_content_length(small: Service) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1000

    problem = await refused(small, status=413, field=None, content=endless())
    assert problem["code"] == "body_too_large"


async def test_a_malformed_id_is_not_found(service: Service) -> None:
    ids = ("nonsense", "job_", "job_" + "z" * 26, "%00", "%ff%fe", "asset_" + "0" * 26, "a" * 5000)
    for address in (
        f"/v1/{kind}" for each in ids for kind in (f"jobs/{each}", f"jobs/{each}/events", f"assets/{each}")
    ):
        answer = await service.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_unknown_paths_and_methods_are_problems(service: Service) -> None:
    unknown = (
        ("GET", "/nowhere", 404),
        ("GET", "/v1/jobs/", 404),
        ("DELETE", "/v1/jobs", 405),
        ("POST", "/healthz", 405),
    )
    for method, path, status in unknown:
        answer = await service.request(method, path)
        assert answer.status_code == answer.json()["status"] == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert status != 405 or answer.headers["allow"]


async def test_an_internal_error_is_reported_without_details(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("api.rest.jobs.read_jobs", broken)
    answer = await service.get("/v1/jobs", headers={"X-Request-Id": "mine-1"})
    assert (answer.status_code, answer.json()["request_id"]) == (500, "mine-1")
    assert "secret" not in answer.text
