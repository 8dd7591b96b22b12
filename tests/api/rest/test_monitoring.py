"""Alive, ready, figures, documents; and a broker that is down."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from api.auth import FROM_SETTINGS
from models.api_keys import hash_key
from models.clock import now
from models.ids import new_id
from models.queries.callers import insert_caller, list_callers, revoke_caller
from models.queries.idempotency_keys import find_key
from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, JOB, Service


async def test_the_process_is_alive_and_ready(service: Service) -> None:
    assert (await service.get("/healthz")).json() == {"status": "ok"}
    ready = await service.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok", "storage": "ok"})


async def test_a_store_that_is_gone_is_told(service: Service, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "pictures")
    (tmp_path / "pictures").write_text("in the way")
    ready = await service.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "ok"
    assert "folder" in ready.json()["checks"]["storage"]


async def test_figures_count_open_jobs_and_requests(service: Service) -> None:
    await service.submit()
    text = (await service.get("/metrics")).text
    assert 'darkroom_jobs{status="queued"} 1.0' in text
    assert 'darkroom_requests_total{method="POST",route="/v1/jobs",status="202"}' in text


async def test_the_document_describes_every_address_and_how_to_send_a_key(service: Service) -> None:
    document = (await service.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["paths"]["/v1/jobs"]["post"]["security"] == [{"key": []}]
    assert set(document["components"]["schemas"]["Submission"]["properties"]) >= {
        "campaign",
        "tags",
        "on_unknown",
    }
    assert (await service.get("/docs")).status_code == 200


async def test_a_broker_that_is_down_fails_no_submit(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(broker_url="redis://127.0.0.1:1/0")) as service:
        assert (await service.post("/v1/jobs", json=JOB)).status_code == 202


async def test_a_key_of_the_settings_counts_only_while_they_name_it(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings()) as service:
        job = await service.submit()
    async with started(make_settings(api_keys=("another-0123456789abcdef",))) as service:
        assert (await service.get("/v1/jobs")).status_code == 401
    async with started(make_settings()) as service:
        assert (await service.get(f"/v1/jobs/{job['id']}")).status_code == 200


async def test_keys_are_kept_as_hashes_only(service: Service) -> None:
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


async def test_an_idempotency_key_is_forgotten_after_its_time(make_settings: Callable[..., Settings]) -> None:
    headers = {"Idempotency-Key": "k"}
    async with started(make_settings(idempotency_ttl=timedelta(microseconds=1).total_seconds())) as service:
        first = await service.submit_with_headers(headers)
        assert (await service.submit_with_headers(headers))["id"] != first["id"]
        caller = await service.services.authenticator.find(ALICE)
        assert caller is not None
        async with service.services.database.reading() as connection:
            assert await find_key(connection, caller.id, "k") is not None
