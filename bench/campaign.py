"""Campaign: insert many jobs, and measure how fast a worker finishes them."""

from dataclasses import dataclass

import psutil
import psycopg

from bench.load import run
from bench.servers import KEY, Environment
from models.api_keys import hash_key
from models.clock import now
from models.database import Database
from models.ids import new_id
from models.queries.callers import insert_caller
from models.queries.jobs import NewJob, insert_jobs
from tests.support.databases import sqlalchemy_url
from tests.support.processes import Process, until


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """Jobs per second, in all (``rate``) and over the middle half (``steady``); the worker's memory."""

    rate: float
    steady: float
    memory: float  #: MB, proportional set size at its highest
    cpu: float  #: milliseconds of the worker's processor time per job


def submit(environment: Environment, count: int) -> None:
    """Insert jobs as the API does."""
    run(_submit(sqlalchemy_url(environment.database_url), count))


async def _submit(url: str, count: int) -> None:
    database, caller_id, at = Database(url), new_id(), now()
    async with database.writing() as connection:
        await insert_caller(
            connection, caller_id, name="bench", key_hash=hash_key(KEY), key_hint="dk_…", admin=False, at=at
        )
        jobs = [
            NewJob(
                id=new_id(),
                model="bench",
                prompt=f"a cat, number {number}",
                request={"images": [], "size": None, "n": None, "params": {}},
                priority=0,
                max_attempts=3,
                on_unknown="hold",
                not_before=at,
            )
            for number in range(count)
        ]
        for start in range(0, count, 1000):
            part = jobs[start : start + 1000]
            await insert_jobs(connection, part, caller_id=caller_id, surface="rest", at=at)
    await database.close()


def run_jobs(environment: Environment, worker: Process, count: int, *, within: float = 120) -> CampaignResult:
    """Insert jobs for an idle worker; return the result once all have succeeded."""
    watched, memory = psutil.Process(worker.pid), 0.0
    spent = sum(watched.cpu_times()[:2])
    submit(environment, count)

    def ended() -> bool:
        nonlocal memory
        memory = max(memory, watched.memory_full_info().pss / 2**20)
        return not environment.count(
            "SELECT 1 FROM jobs WHERE status IN ('queued','leased','running','storing') LIMIT 1"
        )

    until(ended, within=within, what=f"{count} jobs end", every=0.5)
    spent = sum(watched.cpu_times()[:2]) - spent
    succeeded = environment.count("SELECT count(*) FROM jobs WHERE status = 'succeeded'")
    assert succeeded == count, f"only {succeeded} of {count} succeeded:\n{worker.log_tail()}"
    rate, steady = _rates(environment)
    return CampaignResult(rate, steady, memory, 1000 * spent / count)


def _rates(environment: Environment) -> tuple[float, float]:
    """Return jobs per second from the first lease to the last end, and over the middle half of the ends."""
    with psycopg.connect(environment.database_url) as connection:
        rows = connection.execute("SELECT finished_at, leased_at FROM jobs ORDER BY finished_at").fetchall()
    ends = [row[0].timestamp() for row in rows]
    begun = min(row[1].timestamp() for row in rows)
    low, high = len(ends) // 4, 3 * len(ends) // 4
    return len(ends) / (ends[-1] - begun), (high - low) / (ends[high] - ends[low])
