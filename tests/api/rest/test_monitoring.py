"""Liveness, readiness and metrics; and a broker that is down."""

import shutil
from collections.abc import Callable
from pathlib import Path

from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, JOB, Service
from tests.support.databases import PostgresCopies


async def test_a_running_process_is_alive_and_ready(service: Service) -> None:
    assert (await service.get("/healthz")).json() == {"status": "ok"}
    ready = await service.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok", "storage": "ok"})


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


async def test_a_broker_that_is_down_fails_no_submit(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(broker_url="redis://127.0.0.1:1/0")) as service:
        assert (await service.post("/v1/jobs", json=JOB)).status_code == 202


async def test_a_process_whose_database_became_read_only_is_not_ready(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    with postgres_copies.fresh() as url:
        values = {"database_url": url, "storage_url": f"file://{tmp_path}/pictures", "api_keys": (ALICE,)}
        given = Settings.model_validate(values)
        async with started(given) as service:
            postgres_copies.set(url, "default_transaction_read_only", "on")
            answers = [await service.get("/readyz") for _ in range(12)]  # the first meet ended connections
            assert {answer.status_code for answer in answers} == {503}
            assert "read-only" in answers[-1].json()["checks"]["database"]
            assert (await service.post("/v1/jobs", json=JOB)).json()["code"] == "database_unavailable"
            postgres_copies.set(url, "default_transaction_read_only", "off", disconnect=False)
            assert (await service.get("/readyz")).status_code == 200
            assert (await service.post("/v1/jobs", json=JOB)).status_code == 202
