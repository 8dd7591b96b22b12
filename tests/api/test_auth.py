"""Authentication by bearer key."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from api.auth import Authenticator
from api.cli.key_admin import create_key, rotate_key
from models.api_keys import FROM_SETTINGS, Role, hash_key, hint_of
from models.clock import now
from models.ids import new_id
from models.queries.api_keys import insert_key, list_keys, revoke_keys
from models.queries.callers import insert_caller, list_ids
from models.settings import Settings
from models.tables import api_keys
from tests.api.conftest import started
from tests.api.service import ADMIN, ALICE, BOB, Service
from tests.support.darkroom import Clock

SECOND_KEY = "second-0123456789abcdef"


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
        rows = (await connection.execute(select(api_keys))).all()
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
        assert await revoke_keys(connection, [caller_id], at=now()) == 1
    service.services.authenticator.forget()
    assert (await stranger.get("/v1/jobs")).status_code == 401


async def add_key(service: Service, key: str, owner: str = ALICE, **values: Any) -> UUID:
    """Give the caller of a key another key; return the new one's id."""
    caller = (await service.services.authenticator.check(owner)).caller
    assert caller is not None
    given: dict[str, Any] = {"role": Role.USER, "at": now(), "name": key[:5]} | values
    key_id = new_id()
    async with service.services.database.writing() as connection:
        hashed = {"key_hash": hash_key(key), "key_hint": hint_of(key)}
        await insert_key(connection, key_id, caller_id=caller.id, **hashed, **given)
    return key_id


async def test_all_keys_of_a_caller_see_its_jobs_and_share_its_idempotency_keys(service: Service) -> None:
    await add_key(service, SECOND_KEY)
    second = service.with_key(SECOND_KEY)
    job = await service.submit_with_headers({"Idempotency-Key": "once"})
    assert (await second.read(job))["id"] == job["id"]
    assert (await second.submit_with_headers({"Idempotency-Key": "once"}))["id"] == job["id"]


async def test_the_role_is_that_of_the_key_not_of_the_caller(service: Service) -> None:
    await add_key(service, SECOND_KEY, role=Role.ADMIN)
    assert (await service.get("/v1/channels")).status_code == 403
    assert (await service.with_key(SECOND_KEY).get("/v1/channels")).status_code == 200


async def test_an_expired_key_is_refused_in_plain_words_from_its_very_second(service: Service) -> None:
    end = now() + timedelta(hours=1)
    await add_key(service, SECOND_KEY, expires_at=end)
    clock = Clock(end - timedelta(seconds=1))
    authenticator = Authenticator(service.services.database, {}, clock)
    assert (await authenticator.check(SECOND_KEY)).caller
    clock.forward(seconds=1)  # the row is cached still
    assert (await authenticator.check(SECOND_KEY)).caller is None

    await add_key(service, "expired-0123456789abcdef", expires_at=now())
    answer = await service.with_key("expired-0123456789abcdef").get("/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.json()["detail"].startswith("This key has expired, at ")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_the_uses_of_a_key_are_written_together_and_only_if_there_were_any(service: Service) -> None:
    key_id = await add_key(service, SECOND_KEY)
    clock, written = Clock(), list[datetime]()
    authenticator = Authenticator(service.services.database, {}, clock)
    for minutes in (0, 2, 4):
        clock.forward(minutes=minutes)
        if minutes < 4:
            for _ in range(3):
                assert (await authenticator.check(SECOND_KEY)).caller
        await authenticator.save_uses()
        async with service.services.database.reading() as connection:
            written += [key.last_used_at for key in await list_keys(connection) if key.id == key_id]
    assert [(at - written[0]).total_seconds() for at in written] == [0, 120, 120]


async def test_jobs_of_a_key_that_left_the_settings_wait_and_say_why_until_it_is_back(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings()) as service:
        job = await service.submit()
    async with started(make_settings(api_keys=(BOB,))) as service:
        waiting = (await service.with_key(ADMIN).read(job))["waiting"]
        assert waiting["reason"] == "paused"
        assert "DARKROOM_API_KEYS" in waiting["detail"]
    async with started(make_settings()) as service:
        assert (await service.read(job))["waiting"]["reason"] == "no_channel"


async def test_a_process_whose_settings_have_the_key_restores_it_when_it_is_used(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings()) as service:
        job = await service.submit()
        async with started(make_settings(api_keys=(BOB,))):  # another process, with other settings
            service.services.authenticator.forget()
            assert (await service.read(job))["waiting"]["reason"] == "no_channel"


async def test_a_key_of_the_database_that_the_settings_name_too_stays_its_callers(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings()) as service:
        await add_key(service, SECOND_KEY)
        job = await service.submit()
    async with started(make_settings(api_keys=(ALICE, SECOND_KEY))) as service:
        assert (await service.with_key(SECOND_KEY).read(job))["id"] == job["id"]
        async with service.services.database.reading() as connection:
            assert len(await list_ids(connection)) == 3


async def test_held_jobs_are_decided_and_images_read_with_the_key_that_replaced_the_first(
    service: Service,
) -> None:
    database = service.services.database
    async with database.writing() as connection:
        made = await create_key(connection, "shop")
    first = service.with_key(made.key)
    held, done = await first.hold(), await first.submit(webhook_url="https://receiver.example/x")
    await first.finish(done, b"an image")
    async with database.writing() as connection:
        made = await rotate_key(connection, "shop", overlap=timedelta(), at=now())
    service.services.authenticator.forget()
    second = service.with_key(made.key)
    assert (await first.get("/v1/jobs")).status_code == 401
    assert (await second.post(f"/v1/jobs/{held['id']}/release")).json()["status"] == "queued"
    [image] = (await second.read(done))["assets"]
    assert (await second.get(f"/v1/assets/{image['id']}")).json()["job"] == done["id"]
    [delivery] = (await second.get("/v1/webhooks/default/deliveries")).json()["data"]
    assert delivery["job"] == done["id"]
