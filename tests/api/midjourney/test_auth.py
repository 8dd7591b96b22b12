"""Authentication: API keys in either header, or none from a listed network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from api.midjourney.auth import is_listed
from models.api_keys import hash_key
from models.clock import now
from models.queries.api_keys import change_key, find_key
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import rejected
from tests.api.service import ALICE, BOB

KEYS_SENT = [
    {"mj-api-secret": ALICE},
    {"Authorization": f"Bearer {ALICE}"},
    {"Authorization": f"bearer  {ALICE}"},
    {"Authorization": ALICE},
    {"Authorization": "midjourney-proxy", "mj-api-secret": ALICE},
    {"Authorization": "Bearer wrong-key-wrong-key", "mj-api-secret": ALICE},
    {"Authorization": f"Bearer {ALICE}", "mj-api-secret": ""},
    {"Authorization": f"Bearer {ALICE}", "mj-api-secret": "wrong-key-wrong-key"},
]


NO_KEYS = [{}, {"mj-api-secret": ""}, {"Authorization": "Bearer"}, {"mj-api-secret": "wrong-key"}]


async def test_r13_either_header_is_accepted_with_or_without_bearer(stack: MidjourneyStack) -> None:
    for headers in KEYS_SENT:
        answer = await stack.service.client.get("/mj/task/list", headers=headers)

        assert answer.status_code == 200


async def test_r13_without_a_known_key_the_answer_is_401_in_json(stack: MidjourneyStack) -> None:
    for headers in NO_KEYS:
        for method, path in [
            ("POST", "/mj/submit/imagine"),
            ("GET", "/mj/task/1/fetch"),
            ("GET", "/mj/image/1"),
        ]:
            answer = await stack.service.client.request(method, path, headers=headers)
            assert answer.status_code == 401
            rejected(answer.json(), 4)


async def test_an_expired_key_is_refused_in_plain_words(stack: MidjourneyStack) -> None:
    async with stack.service.services.database.writing() as connection:
        key = await find_key(connection, hash_key(ALICE))
        assert key is not None
        await change_key(connection, key.id, expires_at=now())
    stack.service.services.authenticator.forget()
    for headers in ({"mj-api-secret": ALICE}, {"mj-api-secret": ALICE, "Authorization": "Bearer wrong-key"}):
        answer = await stack.service.client.get("/mj/task/list", headers=headers)
        assert answer.status_code == 401
        rejected(answer.json(), 4)
        assert answer.json()["description"].startswith("This key has expired, at ")


KEYLESS = {"midjourney_keyless_key": ALICE, "midjourney_keyless_networks": "10.1.0.0/16, fd00::/8"}


@asynccontextmanager
async def client_at(stack: MidjourneyStack, host: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose connections come from an address."""
    transport = httpx.ASGITransport(stack.service.app, client=(host, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://darkroom.test") as client:
        yield client


async def test_programs_of_a_listed_network_need_no_key(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, **KEYLESS) as stack:
        for host in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::7"):
            async with client_at(stack, host) as client:
                number = (await client.post("/mj/submit/imagine", json={"prompt": "a cat"})).json()["result"]
                assert (await client.get(f"/mj/task/{number}/fetch")).json()["id"] == number
        assert (await stack.fetch(number))["id"] == number  # it is the task of that key's caller


async def test_other_addresses_pages_and_wrong_keys_are_refused(sqlite_url: str, tmp_path: Path) -> None:
    refused: list[tuple[str, dict[str, str]]] = [
        ("10.2.0.1", {}),
        ("127.0.0.1", {"X-Forwarded-For": "10.1.2.3", "X-Real-IP": "10.1.2.3"}),
        ("10.1.2.3", {"Origin": "http://elsewhere.example"}),
        ("10.1.2.3", {"Origin": "null"}),
        ("10.1.2.3", {"Sec-Fetch-Site": "cross-site"}),
        ("10.1.2.3", {"mj-api-secret": "wrong-key-wrong-key"}),
    ]
    async with open_stack(sqlite_url, tmp_path, **KEYLESS) as stack:
        for host, headers in refused:
            async with client_at(stack, host) as client:
                answer = await client.get("/mj/task/list", headers=headers)
                assert answer.status_code == 401, (host, headers)
                rejected(answer.json(), 4)
        async with client_at(stack, "10.1.2.3") as client:
            assert (await client.get("/v1/jobs")).status_code == 401
            theirs = await client.get("/mj/task/list", headers={"mj-api-secret": BOB})
            assert theirs.status_code == 200


async def test_without_the_settings_no_network_is_listed(stack: MidjourneyStack) -> None:
    async with client_at(stack, "127.0.0.1") as client:
        assert (await client.get("/mj/task/list")).status_code == 401


@pytest.mark.parametrize("host", ["", "testclient", "/run/darkroom.sock", "10.1.2.3.4", "fe80::1%eth0"])
def test_what_is_no_address_is_in_no_network(host: str) -> None:
    assert not is_listed(host, ("10.0.0.0/8", "fd00::/8"))
