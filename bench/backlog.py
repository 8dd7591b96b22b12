"""Queued jobs of several callers, written straight into the database, and when their calls arrive."""

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
from models.queries.callers import find_caller, insert_caller
from models.queries.jobs import NewJob, insert_jobs
from tests.support.databases import sqlalchemy_url

TRIES = 100  # a refusal of the provider must not end a job of these benches


@dataclass(frozen=True, slots=True)
class Batch:
    """So many jobs of one caller; ``prompt`` is what all their prompts begin with.

    ``pictures`` are what they ask for, in turn.
    """

    count: int
    model: str = "bench"
    caller: str = "bench"
    campaign: str | None = None
    prompt: str = "a cat"
    pictures: Sequence[int | None] = (None,)

    def asked_by(self, prompt: str) -> int:
        """Return how many pictures the job with this prompt asks for."""
        return self.pictures[int(prompt.rpartition(" ")[2]) % len(self.pictures)] or 1


def queue(database_url: str, batches: Sequence[Batch]) -> None:
    """Write jobs as the API would; callers that are not there yet, too."""
    run(_queue(sqlalchemy_url(database_url), batches))


async def _queue(url: str, batches: Sequence[Batch]) -> None:
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
        found = await find_caller(connection, key)
    assert found is not None
    caller_id: UUID = found.id
    return caller_id


def _jobs(batch: Batch) -> list[NewJob]:
    at = now()
    context = itertools.cycle(batch.pictures)
    return [
        NewJob(
            id=new_id(),
            model=batch.model,
            prompt=f"{batch.prompt}, number {number}",
            request={"images": [], "size": None, "n": next(context), "params": {}},
            priority=5,
            max_attempts=TRIES,
            on_unknown="retry",
            not_before=at,
            campaign=batch.campaign,
        )
        for number in range(batch.count)
    ]


def calls_at(provider: str, *, after: int = 0) -> list[Mapping[str, Any]]:
    """Return what a practice provider's books say of the calls that came, without the first ``after``."""
    books = httpx.get(f"{provider}/practice/ledger?after={after}", trust_env=False, timeout=30)
    calls: list[Mapping[str, Any]] = books.json()["calls"]
    return calls
