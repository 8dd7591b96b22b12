"""Liveness, readiness and metrics; and a broker that is down."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from models.ids import new_id
from models.queries.workers import write_heartbeat
from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, JOB, Service
from tests.support.databases import PostgresCopies
from tests.worker.metrics.samples import sample
from worker.storage.local_files import LocalFiles


async def test_a_running_process_is_alive_and_ready(service: Service) -> None:
    assert (await service.get("/healthz")).json() == {"status": "ok"}
    ready = await service.get("/readyz")
    checks = dict.fromkeys(("database", "storage", "broker"), "ok")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "checks": checks})


async def test_a_process_without_its_image_store_is_not_ready(service: Service, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "pictures")
    (tmp_path / "pictures").write_text("in the way")
    ready = await service.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "ok"
    assert "folder" in ready.json()["checks"]["storage"]


async def test_metrics_count_open_jobs_and_requests(service: Service) -> None:
    await service.submit()
    text = (await service.get("/metrics")).text
    assert 'darkroom_jobs{status="queued"} 1.0' in text
    assert 'darkroom_requests_total{method="POST",route="/v1/jobs",status="202"}' in text


async def test_metrics_count_polls_by_what_they_came_to_and_changes_by_role(service: Service) -> None:
    polls, actions = "darkroom_poll_requests_total", "darkroom_admin_actions_total"
    before = {result: sample(polls, result=result) for result in ("changed", "not_modified", "terminal")}
    cancel = {"action": "POST /v1/jobs/{job_id}/cancel", "role": "user"}
    cancelled = sample(actions, **cancel)
    path = f"/v1/jobs/{(await service.post('/v1/jobs', json=JOB)).json()['id']}"
    tag = (await service.get(path)).headers["etag"]
    assert (await service.get(path, headers={"if-none-match": tag})).status_code == 304
    await service.post(f"{path}/cancel")
    await service.get(path)
    assert {result: sample(polls, result=result) - count for result, count in before.items()} == {
        "changed": 1,
        "not_modified": 1,
        "terminal": 1,
    }
    assert sample(actions, **cancel) == cancelled + 1


async def test_metrics_show_a_workers_own_view_of_the_broker(service: Service) -> None:
    at = service.services.clock()
    row = {"version": "1", "slots": 1, "started_at": at}
    async with service.services.database.writing() as connection:
        for name, error in (("one", None), ("two", "it is a replica")):
            await write_heartbeat(
                connection, {**row, "id": new_id(), "name": name, "broker_error": error}, at
            )
    text = (await service.get("/metrics")).text
    assert 'darkroom_worker_broker_usable{worker="one"} 1.0' in text
    assert 'darkroom_worker_broker_usable{worker="two"} 0.0' in text


async def test_checks_without_a_key_write_and_count_once_however_often_they_are_called(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts: list[str] = []
    put = LocalFiles.put_in_steps

    def counted(folder: LocalFiles, key: str, source: bytes | Path) -> Iterator[None]:
        puts.append(key)
        return put(folder, key, source)

    monkeypatch.setattr(LocalFiles, "put_in_steps", counted)
    answers = await asyncio.gather(*(service.with_key(None).get("/readyz") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(puts) == 1

    await service.submit()
    first = (await service.get("/metrics")).text
    assert 'darkroom_jobs{status="queued"} 1.0' in first
    await service.submit()
    assert 'darkroom_jobs{status="queued"} 1.0' in (await service.get("/metrics")).text


async def test_a_broker_that_is_down_fails_no_submit(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(broker_url="redis://127.0.0.1:1/0")) as service:
        assert (await service.post("/v1/jobs", json=JOB)).status_code == 202


async def _ready_now(service: Service) -> httpx.Response:
    """Ask for readiness as if the last check were long ago."""
    service.services.monitor.database_error.forget()
    return await service.get("/readyz")


async def test_a_process_whose_database_became_read_only_is_not_ready(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    with postgres_copies.fresh() as url:
        values = {
            "database_url": url,
            "storage_url": f"file://{tmp_path}/pictures",
            "public_url": "http://darkroom.test",
            "api_keys": (ALICE,),
        }
        given = Settings.model_validate(values)
        async with started(given) as service:
            postgres_copies.set(url, "default_transaction_read_only", "on")
            answers = [await _ready_now(service) for _ in range(12)]  # the first meet ended connections
            assert {answer.status_code for answer in answers} == {503}
            assert "read-only" in answers[-1].json()["checks"]["database"]
            assert (await service.post("/v1/jobs", json=JOB)).json()["code"] == "database_unavailable"
            postgres_copies.set(url, "default_transaction_read_only", "off", disconnect=False)
            assert (await _ready_now(service)).status_code == 200
            assert (await service.post("/v1/jobs", json=JOB)).status_code == 202
