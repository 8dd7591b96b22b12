"""Carrying out a caller's decision about held jobs, in few statements however many they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from api.auth import Caller
from api.services import Services
from models.ids import public_id
from models.queries.held_jobs import HeldFilter, lock_held, lock_jobs
from models.queries.transitions import Move, apply
from models.states import JobStatus
from worker.lifecycle import given_up, released

CHUNK = 1000  #: jobs in one transaction
MOST = 10_000  #: jobs in one request
S = JobStatus


@dataclass(frozen=True, slots=True)
class Decision:
    """What a caller may decide about a held job."""

    move: Callable[[Row[Any], datetime, str], Move]
    done: frozenset[JobStatus]  #: where a job is already as it was wanted
    advice: str  #: for jobs that are elsewhere
    takes_reason: bool = False


RELEASE = Decision(
    lambda job, at, _: released(job, at=at),
    frozenset({S.QUEUED, S.LEASED, S.RUNNING, S.STORING}),
    "only held jobs can be released; start a finished one again with retry",
)
FAIL = Decision(
    lambda job, at, reason: given_up(job, reason, at=at),
    frozenset({S.FAILED}),
    "only held jobs can be failed; stop others with cancel",
    takes_reason=True,
)


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a decision about many jobs."""

    changed: int = 0
    unchanged: int = 0  #: were so already
    refused: Sequence[dict[str, str]] = ()
    more: bool = False  #: further jobs fit the filter: ask again

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "changed": self.changed,
            "unchanged": self.unchanged,
            "refused": list(self.refused),
            "more": self.more,
        }


async def decide_some(
    services: Services,
    caller: Caller,
    job_ids: Sequence[UUID],
    decision: Decision,
    reason: str,
    *,
    unknown: Sequence[str] = (),
) -> Decided:
    """Decide about some jobs by id. ``unknown`` are ids that can't be a job's."""
    at = services.clock()
    async with services.database.writing() as connection:
        found = {row.id: row for row in await lock_jobs(connection, caller.id, job_ids)}
        held = [row for row in found.values() if row.status == S.HELD]
        await apply(connection, [decision.move(row, at, reason) for row in held])
    if held:
        services.doorbell.ring()
    unchanged = [row for row in found.values() if S(row.status) in decision.done]
    missing = [*unknown, *(public_id("job", job_id) for job_id in job_ids if job_id not in found)]
    others = [row for row in found.values() if row.status != S.HELD and S(row.status) not in decision.done]
    refused = [_refusal(each, "not_found", f"There is no job {each!r}.") for each in missing]
    refused += [
        _refusal(public_id("job", row.id), "conflict", f"This job is {row.status}; {decision.advice}.")
        for row in others
    ]
    return Decided(len(held), len(unchanged), refused)


def _refusal(job_id: str, code: str, message: str) -> dict[str, str]:
    return {"id": job_id, "code": code, "message": message}


async def decide_all(
    services: Services, caller: Caller, wanted: HeldFilter, decision: Decision, reason: str
) -> Decided:
    """Decide about the held jobs that fit a filter, each at most once, up to ``MOST``."""
    changed, above = 0, None
    while changed < MOST:
        at = services.clock()
        async with services.database.writing() as connection:
            held = await lock_held(connection, caller.id, wanted, above=above, limit=CHUNK)
            await apply(connection, [decision.move(row, at, reason) for row in held])
        changed += len(held)
        if held:
            services.doorbell.ring()
        if len(held) < CHUNK:
            return Decided(changed)
        above = held[-1].id
    return Decided(changed, more=True)
