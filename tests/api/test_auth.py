"""Authentication by bearer key."""

from collections.abc import Callable

import pytest

from api.auth import FROM_SETTINGS
from models.api_keys import hash_key
from models.clock import now
from models.ids import new_id
from models.queries.callers import insert_caller, list_callers, revoke_caller
from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, Service


@pytest.mark.parametrize("key", [None, "wrong-key-0123456789", "Bearer", "é" * 20])
async def test_a_request_without_a_valid_key_is_refused(service: Service, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
    stranger = service.with_key(None)
    for method, path in (
        ("GET", "/v1/jobs"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs/x"),
        ("GET", "/v1/channels"),
    ):
        answer = await stranger.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_from_the_settings_is_valid_only_while_they_have_it(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings()) as service:
        job = await service.submit()
    async with started(make_settings(api_keys=("another-0123456789abcdef",))) as service:
        assert (await service.get("/v1/jobs")).status_code == 401
    async with started(make_settings()) as service:
        assert (await service.get(f"/v1/jobs/{job['id']}")).status_code == 200


async def test_keys_are_stored_as_hashes_only(service: Service) -> None:
    async with service.services.database.reading() as connection:
        rows = await list_callers(connection)
    assert {row.name for row in rows} == {FROM_SETTINGS}
    assert hash_key(ALICE) in {bytes(row.key_hash) for row in rows}
    assert not any(ALICE in str(value) for row in rows for value in row)


async def test_a_revoked_key_is_refused_within_seconds(service: Service) -> None:
    key, caller_id = "made-by-hand-0123456789", new_id()
    database = service.services.database
    async with database.writing() as connection:
        await insert_caller(
            connection, caller_id, name="x", key_hash=hash_key(key), key_hint="…", admin=False, at=now()
        )
    stranger = service.with_key(key)
    assert (await stranger.get("/v1/jobs")).status_code == 200

    async with database.writing() as connection:
        assert await revoke_caller(connection, caller_id, at=now())
    service.services.authenticator.forget()
    assert (await stranger.get("/v1/jobs")).status_code == 401
