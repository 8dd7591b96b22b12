"""The metrics server of a worker, and who may read it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from models.errors import SettingsError
from models.settings import Settings
from worker.metrics.exposition import MetricsServer, is_loopback_address
from worker.metrics.process_metrics import loop_runs, measure_lag

KEY = "metrics-0123456789abcdef"


def settings_of(folder: Path, **values: object) -> Settings:
    return Settings(database_url=f"sqlite:///{folder}/darkroom.db", metrics_key=KEY, **values)  # type: ignore[arg-type]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MetricsServer]:
    started = MetricsServer(settings_of(tmp_path), 0)
    started.start()
    yield started
    started.close()


def test_a_worker_serves_its_metrics_to_this_machine(server: MetricsServer) -> None:
    answer = httpx.get(f"http://127.0.0.1:{server.port}/metrics")
    assert answer.status_code == 200
    assert "darkroom_build_info" in answer.text
    assert httpx.get(f"http://127.0.0.1:{server.port}/").status_code == 404


def test_a_request_that_a_proxy_passed_on_needs_the_key(server: MetricsServer) -> None:
    url, forwarded = f"http://127.0.0.1:{server.port}/metrics", {"X-Forwarded-For": "203.0.113.7"}
    assert httpx.get(url, headers=forwarded).status_code == 401
    assert httpx.get(url, headers={**forwarded, "Authorization": "Bearer wrong"}).status_code == 401
    assert httpx.get(url, headers={**forwarded, "Authorization": f"Bearer {KEY}"}).status_code == 200


def test_health_is_that_of_the_event_loop_and_needs_no_key(tmp_path: Path) -> None:
    runs = [False, True]
    server = MetricsServer(settings_of(tmp_path), 0, lambda: runs.pop(0))
    server.start()
    url, forwarded = f"http://127.0.0.1:{server.port}/healthz", {"X-Forwarded-For": "203.0.113.7"}
    answers = [httpx.get(url, headers=forwarded) for _ in range(2)]
    server.close()
    assert [answer.status_code for answer in answers] == [503, 200]
    assert "stalled" in answers[0].text


async def test_a_loop_runs_for_30_s_after_it_was_measured() -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0):
            await measure_lag("measured")
    assert not loop_runs("another")
    assert loop_runs("measured", time.monotonic() + 29)
    assert not loop_runs("measured", time.monotonic() + 31)


def test_a_port_in_use_is_named(server: MetricsServer, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DARKROOM_METRICS_PORT: 127\.0\.0\.1"):
        MetricsServer(settings_of(tmp_path), server.port)


def test_addresses_of_this_machine_are_known_in_both_families() -> None:
    assert is_loopback_address("127.0.0.1")
    assert is_loopback_address("::1")
    assert not is_loopback_address("203.0.113.7")
    assert not is_loopback_address("")
