"""Query parameters and the Prefer header."""

import pytest
from starlette.requests import Request

from api.rest.parameters import read_integer, read_prefer_wait
from tests.api.service import JOB, Service


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=7", 7),
        ("respond-async, wait=7", 7),
        ('Wait = "7"; x=y', 7),
        ("wait=600", 50),
        ("wait=0", None),
        ("await=7", None),
        ("wait=7s", None),
    ],
)
def test_the_wait_of_a_prefer_header_is_read(prefer: str, seconds: int | None) -> None:
    headers = [(b"prefer", b"handling=lenient"), (b"prefer", prefer.encode())]
    assert read_prefer_wait(Request({"type": "http", "headers": headers}), longest=50) == seconds


def test_an_empty_integer_is_its_default() -> None:
    assert read_integer({"limit": ""}, "limit", default=50) == 50
    assert read_integer({"limit": "007"}, "limit", default=50) == 7


async def test_a_malformed_preference_is_ignored(service: Service) -> None:
    for prefer in ("wait", "wait=", "wait=x", "wait=-1", "wait=0", "wait=9999999999999", "\xff"):
        answer = await service.post("/v1/jobs", json=JOB, headers={"Prefer": prefer.encode("latin-1")})
        assert answer.status_code == 202
        assert "preference-applied" not in answer.headers


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


async def test_an_invalid_parameter_of_a_list_is_named(service: Service) -> None:
    for name, value in WRONG_PARAMETERS:
        answer = await service.get("/v1/jobs", params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)


async def test_an_invalid_parameter_of_a_long_poll_is_named(service: Service) -> None:
    job = await service.submit()
    for name, value in (("wait", "61"), ("wait", "x"), ("after_revision", "-1"), ("x", "1")):
        answer = await service.get(f"/v1/jobs/{job['id']}", params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)
