"""Groups of equal errors: failed calls of seven days by stage, channel, model, code and words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from api.services import ApiServices
from models.campaigns.fingerprint import normalize_words
from models.queries.dashboard.errors import Decision, FailedCall, list_failures, read_decisions
from models.states import JobStatus

WINDOWS = (1, 3, 24, 72, 168)  #: hours
_JOBS = 1000  # of one group that a list or a retry takes
RESOLVED, IGNORED = "resolved", "ignored"


@dataclass(slots=True)
class FailureGroup:
    """Failed calls that are one error."""

    fingerprint: str
    stage: str
    channel: str
    model: str
    code: str
    words: str
    sample: str  #: a message as the provider wrote it
    first: datetime
    last: datetime
    counts: dict[int, int] = field(default_factory=lambda: dict.fromkeys(WINDOWS, 0))  #: by hours
    job_ids: list[UUID] = field(default_factory=list)  #: newest first
    failed_ids: list[UUID] = field(default_factory=list)  #: of jobs that failed, and are so now
    decision: Decision | None = None

    @property
    def state(self) -> str:
        """``open``, ``resolved`` until it occurs again, or ``ignored``."""
        if self.decision is None or (self.decision.decision == RESOLVED and self.last > self.decision.at):
            return "open"
        return self.decision.decision


def fingerprint_of(stage: str, channel: str, model: str, code: str, words: str) -> str:
    """Return the short name of a group."""
    return sha256("\0".join((stage, channel, model, code, words)).encode("utf-8", "replace")).hexdigest()[:16]


def group_failures(
    failures: Iterable[FailedCall], decisions: Mapping[str, Decision], now: datetime
) -> list[FailureGroup]:
    """Return the groups of failed calls, which come newest first: the most frequent of the day first."""
    found: dict[tuple[str, ...], FailureGroup] = {}
    seen = defaultdict[str, set[UUID]](set)  # jobs by fingerprint
    for each in failures:
        stage = "store" if each.code.startswith("asset_") else "call"
        words = normalize_words(each.message or each.code)
        key = stage, each.channel, each.model, each.code, words
        group = found.get(key)
        if group is None:
            fingerprint = fingerprint_of(*key)
            group = FailureGroup(fingerprint, *key, sample=each.message, first=each.at, last=each.at)
            group.decision = decisions.get(fingerprint)
            found[key] = group
        group.first = min(group.first, each.at)
        hours = (now - each.at) / timedelta(hours=1)
        for window in WINDOWS:
            group.counts[window] += hours <= window
        jobs = seen[group.fingerprint]
        if len(jobs) < _JOBS and each.job_id not in jobs:
            jobs.add(each.job_id)
            group.job_ids.append(each.job_id)
            if each.job_status == JobStatus.FAILED:
                group.failed_ids.append(each.job_id)
    return sorted(found.values(), key=lambda group: (group.counts[24], group.counts[168]), reverse=True)


async def read_groups(services: ApiServices, scope: UUID | None) -> Sequence[FailureGroup]:
    """Return the groups of seven days, of one caller or of all."""
    now = services.clock()
    async with services.database.reading() as connection:
        failures = await list_failures(connection, now - timedelta(hours=WINDOWS[-1]), caller_id=scope)
        decisions = await read_decisions(connection)
    return group_failures(failures, decisions, now)
