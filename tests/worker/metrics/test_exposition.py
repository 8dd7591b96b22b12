"""The metrics server of a worker, and who may read it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from models.errors import SettingsError
from models.settings import Settings
from worker.metrics.exposition import MetricsServer, is_loopback_address

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


def test_a_port_in_use_is_named(server: MetricsServer, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DARKROOM_METRICS_PORT: 127\.0\.0\.1"):
        MetricsServer(settings_of(tmp_path), server.port)


def test_addresses_of_this_machine_are_known_in_both_families() -> None:
    assert is_loopback_address("127.0.0.1")
    assert is_loopback_address("::1")
    assert not is_loopback_address("203.0.113.7")
    assert not is_loopback_address("")
