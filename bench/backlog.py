"""Backlog: queued jobs of several callers, inserted into the database; and the arrival of their calls."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from bench.load import run
from models.api_keys import hash_key
from models.clock import now
from models.database import Database
from models.ids import new_id
from models.queries.api_keys import find_key
from models.queries.callers import insert_caller
from models.queries.jobs import NewJob, insert_jobs
from tests.support.databases import sqlalchemy_url

MAX_ATTEMPTS = 100  # a refusal of the provider must not end a job


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs of one caller. All prompts begin with ``prompt``; ``pictures``: images per job, in turn."""

    count: int
    model: str = "bench"
    caller: str = "bench"
    campaign: str | None = None
    prompt: str = "a cat"
    pictures: Sequence[int | None] = (None,)

    def images_of(self, prompt: str) -> int:
        """Return the number of images that the job with this prompt requests."""
        return self.pictures[int(prompt.rpartition(" ")[2]) % len(self.pictures)] or 1


def insert_backlog(database_url: str, batches: Sequence[Batch]) -> None:
    """Insert jobs as the API does, and their callers if they are missing."""
    run(_insert_backlog(sqlalchemy_url(database_url), batches))


async def _insert_backlog(url: str, batches: Sequence[Batch]) -> None:
    database = Database(url)
    for batch in batches:
        caller_id, jobs, at = await _caller(database, batch.caller), _jobs(batch), now()
        for start in range(0, len(jobs), 1000):
            async with database.writing() as connection:
                part = jobs[start : start + 1000]
                await insert_jobs(connection, part, caller_id=caller_id, surface="rest", at=at)
    await database.close()


async def _caller(database: Database, name: str) -> UUID:
    key, hint = hash_key(f"dk_bench_of_{name}"), "dk_…"
    async with database.writing() as connection:
        await insert_caller(
            connection, new_id(), name=name, key_hash=key, key_hint=hint, admin=False, at=now()
        )
        found = await find_key(connection, key)
    assert found is not None
    return found.caller_id


def _jobs(batch: Batch) -> list[NewJob]:
    at = now()
    pictures = itertools.cycle(batch.pictures)
    return [
        NewJob(
            id=new_id(),
            model=batch.model,
            prompt=f"{batch.prompt}, number {number}",
            request={"images": [], "size": None, "n": next(pictures), "params": {}},
            priority=5,
            max_attempts=MAX_ATTEMPTS,
            on_unknown="retry",
            not_before=at,
            campaign=batch.campaign,
        )
        for number in range(batch.count)
    ]


def calls_at(provider: str, *, after: int = 0) -> list[Mapping[str, Any]]:
    """Return the calls in a practice provider's ledger, without the first ``after``."""
    response = httpx.get(f"{provider}/practice/ledger?after={after}", trust_env=False, timeout=30)
    calls: list[Mapping[str, Any]] = response.json()["calls"]
    return calls
