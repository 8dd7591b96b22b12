"""Whatever is sent, the answer is a problem that names the place, and nothing is half-written."""

import base64
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


async def test_what_is_not_json_is_refused(service: Service) -> None:
    for content in NOT_JSON:
        problem = await refused(service, status=400, field=None, content=content)
        assert problem["code"] == "malformed_json"


async def test_json_of_another_shape_is_refused(service: Service) -> None:
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


async def test_every_wrong_field_is_named(service: Service) -> None:
    for field, value in FIELDS:
        name = field.split(".")[0]
        fields = value if isinstance(value, dict) and name in value else {name: value}
        await refused(service, status=422, field=field, content=orjson.dumps(JOB | fields))


async def test_what_is_nested_too_deeply_is_refused(service: Service) -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    for name in ("params", "metadata"):
        content = b'{"model":"m","prompt":"p","%b":%b}' % (name.encode(), deep)
        await refused(service, status=422, field=name, content=content)


async def test_missing_fields_are_named_all_at_once(service: Service) -> None:
    problem = await refused(service, status=422, field="model", json={"x": 1})
    assert {error["field"] for error in problem["errors"]} == {"model", "prompt", "x"}


async def test_a_thousand_unknown_fields_make_a_short_answer(service: Service) -> None:
    problem = await refused(service, status=422, field=None, json=JOB | {f"x{n}": n for n in range(1000)})
    assert len(problem["errors"]) <= 20


async def test_a_wrong_list_of_jobs_is_refused_whole(service: Service) -> None:
    for value in ([], {}, None, "x", [JOB] * 1001):
        await refused(service, status=422, field="jobs", json={"jobs": value})


async def test_nothing_stands_beside_many_jobs(service: Service) -> None:
    await refused(service, status=422, field="model", json={"jobs": [JOB], "model": "m"})


async def test_a_wrong_idempotency_key_is_named(service: Service) -> None:
    for key in ("", " ", "k" * 256, "schlüssel", "a\x00b", "a\tb"):
        headers = {"Idempotency-Key": key.encode("latin-1")}
        await refused(service, status=422, field="Idempotency-Key", json=JOB, headers=headers)


async def test_a_preference_that_makes_no_sense_is_ignored(service: Service) -> None:
    for prefer in ("wait", "wait=", "wait=x", "wait=-1", "wait=0", "wait=9999999999999", "\xff"):
        answer = await service.post("/v1/jobs", json=JOB, headers={"Prefer": prefer.encode("latin-1")})
        assert answer.status_code == 202
        assert "preference-applied" not in answer.headers


@pytest.fixture
async def small(make_settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    """An API with small limits."""
    async with started(make_settings(request_body_limit=10_000, input_image_limit=1000)) as running:
        yield running


async def test_a_body_over_the_limit_is_refused(small: Service) -> None:
    await refused(small, status=413, field=None, json=JOB | {"prompt": "a" * 10_001})


async def test_a_body_over_the_limit_is_refused_although_it_does_not_tell_its_length(small: Service) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1000

    problem = await refused(small, status=413, field=None, content=endless())
    assert problem["code"] == "body_too_large"


async def test_an_input_picture_over_the_limit_is_refused(small: Service) -> None:
    url = f"data:image/png;base64,{PNG}"
    assert len(draw("PNG")) > 1000
    await refused(small, status=422, field="images.0", json=JOB | {"images": [url]})


WRONG_PARAMETERS = [
    ("limit", "0"),
    ("limit", "201"),
    ("limit", "x"),
    ("limit", "-1"),
    ("limit", "99999999999999999999"),
    ("limit", "٣"),
    ("before", "nonsense"),
    ("before", "\0"),
    ("status", "done"),
    ("campaign", "\0"),
    ("tag", "t" * 65),
    ("model", "m\0"),
    ("colour", "blue"),
]


async def test_a_wrong_parameter_of_a_list_is_named(service: Service) -> None:
    for name, value in WRONG_PARAMETERS:
        answer = await service.get("/v1/jobs", params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)


async def test_a_wrong_parameter_of_a_long_poll_is_named(service: Service) -> None:
    job = await service.submit()
    for name, value in (("wait", "61"), ("wait", "x"), ("after_revision", "-1"), ("x", "1")):
        answer = await service.get(f"/v1/jobs/{job['id']}", params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)


async def test_an_id_that_can_not_be_is_not_there(service: Service) -> None:
    ids = ("nonsense", "job_", "job_" + "z" * 26, "%00", "%ff%fe", "asset_" + "0" * 26, "a" * 5000)
    for address in (
        f"/v1/{kind}" for each in ids for kind in (f"jobs/{each}", f"jobs/{each}/events", f"assets/{each}")
    ):
        answer = await service.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_unknown_addresses_and_methods_are_problems(service: Service) -> None:
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


async def test_what_breaks_inside_is_told_without_details(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("api.rest.jobs.read_jobs", broken)
    answer = await service.get("/v1/jobs", headers={"X-Request-Id": "mine-1"})
    assert (answer.status_code, answer.json()["request_id"]) == (500, "mine-1")
    assert "secret" not in answer.text
