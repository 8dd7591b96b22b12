"""Fixtures: a small fleet on a given broker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import PostgresCopies
from tests.support.fleet import Fleet
from tests.support.practice import Practice

FleetOn = Callable[..., Fleet]
PROMPTS = [f"picture number {number} of some" for number in range(40)]


@pytest.fixture
def fleet_on(tmp_path: Path, postgres_copies: PostgresCopies) -> Iterator[FleetOn]:
    """Start one API process and one worker on a broker, and a provider that takes ``delay`` seconds.

    With ``database_url``, the fleet makes the tables itself.
    """
    with ExitStack() as cleanup:

        def start(broker_url: str, *, delay: float = 0.3, **settings: Any) -> Fleet:
            practice = Practice(tmp_path, delay=delay)
            cleanup.callback(practice.process.end)
            practice.start()
            options: dict[str, Any] = {"apis": 1, "workers": 1, "upstream_concurrency": "4", **settings}
            migrate = "database_url" in options
            if not migrate:
                options["database_url"] = cleanup.enter_context(postgres_copies.fresh())
            fleet = Fleet(tmp_path, practice, broker_url=broker_url, **options)
            cleanup.callback(lambda: print(fleet.log_tails()))  # shown if the test fails
            cleanup.callback(fleet.end)
            fleet.start(migrate=migrate)
            return fleet

        yield start


def check_all_succeeded(fleet: Fleet, prompts: list[str] = PROMPTS) -> None:
    """Check that every job has its picture, by one call each, and that the worker never left."""
    jobs = fleet.client.wait_settled(len(prompts), within=90)
    fleet.client.check_images(jobs)
    assert fleet.practice.call_counts() == dict.fromkeys(prompts, 1)
    assert all(worker.ended is None for worker in fleet.workers)
