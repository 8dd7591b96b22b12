"""Facts after a run, as plain values: the provider's ledger, the database, the storage."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.chaos.fleet import UNREADABLE, ChaosFleet
from tests.chaos.hostile import HOSTILE_KEY
from tests.support.api_client import KEY
from tests.support.practice import Call
from worker.practice.drawing.png import prompt_of

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkerOutage:
    """A worker that could not write for a while, or at all: killed, frozen or disconnected."""

    worker_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class NetworkCut:
    """A period in which the provider's responses did not arrive."""

    began: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Input of the verification."""

    prompts: Mapping[UUID, str]  #: of the jobs that were accepted
    released: Mapping[UUID, int]  #: how often each held job was released
    calls: Sequence[Call]  #: the provider's ledger
    jobs: Sequence[Row]
    attempts: Sequence[Row]
    assets: Sequence[Row]
    events: Sequence[Row]
    pictures: Mapping[str, tuple[str, str | None]]  #: by key: SHA-256 and prompt of the stored file
    worker_outages: Sequence[WorkerOutage]
    network_cuts: Sequence[NetworkCut]
    responses: Mapping[str, int]  #: of the API, by status
    heartbeat_ages: Sequence[float]  #: of workers whose clock had been wrong for a while; seconds
    logs: Sequence[str] = ()  #: all lines of the API processes and workers
    secrets: Sequence[str] = ()  #: keys of callers


def collect(
    fleet: ChaosFleet,
    prompts: Mapping[UUID, str],
    released: Mapping[UUID, int],
    worker_outages: Sequence[WorkerOutage],
    network_cuts: Sequence[NetworkCut],
    responses: Mapping[str, int],
    heartbeat_ages: Sequence[float],
) -> Facts:
    """Read the ledger, the tables and the stored images."""
    jobs, attempts, assets, events = fleet.tables("jobs", "attempts", "assets", "events")
    return Facts(
        prompts=prompts,
        released=released,
        calls=[call for call in fleet.practice.calls() if call.prompt != UNREADABLE],
        jobs=jobs,
        attempts=sorted(attempts, key=lambda row: (row["job_id"], row["number"])),
        assets=assets,
        events=sorted(events, key=lambda row: (row["job_id"], row["revision"])),
        pictures=_pictures(fleet.pictures, [row["key"] for row in assets]),
        worker_outages=worker_outages,
        network_cuts=network_cuts,
        responses=responses,
        heartbeat_ages=heartbeat_ages,
        logs=[
            line
            for log in sorted([*fleet.folder.glob("api-*.log"), *fleet.folder.glob("worker-*.log")])
            for line in log.read_text(errors="replace").splitlines()
        ],
        secrets=[KEY, HOSTILE_KEY],
    )


def _pictures(folder: Path, keys: Sequence[str]) -> Mapping[str, tuple[str, str | None]]:
    found = {}
    for key in keys:
        path = folder / key
        if path.is_file():
            content = path.read_bytes()
            found[key] = hashlib.sha256(content).hexdigest(), prompt_of(content)
    return found
