"""What the calls of a channel came to lately, by model: cost of a picture, seconds, reliability."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.outcomes import Outcome
from models.queries.scheduling.channel_results import EndedCall, count_pictures, ended_calls

SINCE = timedelta(hours=24)
LEAST_CALLS = 5  #: ended calls from which a channel counts as measured
_OF_THE_JOB = (Outcome.PERMANENT, Outcome.NO_IMAGE)  # the channel worked
Key = tuple[str, str]  # a channel's name and a model


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """Results of a channel's calls of one model."""

    calls: int  #: that ended
    succeeded: int
    failed: int  #: of those that concern the channel, not the job
    p50_seconds: float | None  #: of calls that succeeded
    picture_micro: float | None  #: settled cost per made picture, failed calls included, in millionths
    currency: str | None

    @property
    def is_measured(self) -> bool:
        """Whether there are enough calls to compare it with others."""
        return self.calls >= LEAST_CALLS

    @property
    def reliability(self) -> float:
        """Share of successes, drawn towards one half as long as there are few calls (Laplace's rule)."""
        return (self.succeeded + 1) / (self.succeeded + self.failed + 2)


def measure(calls: Sequence[EndedCall], pictures: Mapping[UUID, int]) -> Mapping[str, ChannelResult]:
    """Return the results of one channel by model; ``pictures`` are the images of each job."""
    by_model: defaultdict[str, list[EndedCall]] = defaultdict(list)
    for call in calls:
        by_model[call.model].append(call)
    return {model: _result(found, pictures) for model, found in by_model.items()}


async def read_results(
    connection: AsyncConnection, channels: Iterable[str], at: datetime
) -> Mapping[Key, ChannelResult]:
    """Measure channels by their calls of the last day."""
    results: dict[Key, ChannelResult] = {}
    for channel in channels:
        calls = await ended_calls(connection, channel, at - SINCE)
        made = {call.job_id for call in calls if call.outcome == Outcome.SUCCESS}
        pictures = await count_pictures(connection, list(made)) if made else {}
        results |= {(channel, model): result for model, result in measure(calls, pictures).items()}
    return results


def _result(calls: Sequence[EndedCall], pictures: Mapping[UUID, int]) -> ChannelResult:
    succeeded = [call for call in calls if call.outcome == Outcome.SUCCESS]
    seconds = [(call.finished_at - call.sent_at).total_seconds() for call in succeeded]
    failed = sum(call.outcome != Outcome.SUCCESS and call.outcome not in _OF_THE_JOB for call in calls)
    micro, currency = _picture_cost(calls, pictures)
    return ChannelResult(
        len(calls), len(succeeded), failed, median(seconds) if seconds else None, micro, currency
    )


def _picture_cost(
    calls: Sequence[EndedCall], pictures: Mapping[UUID, int]
) -> tuple[float | None, str | None]:
    """Return the cost per picture in the one currency of the calls; ``None`` if it is not known."""
    priced = [call for call in calls if call.cost_micro is not None]
    currencies = {call.currency for call in priced if call.cost_micro and call.currency}
    successes = defaultdict[UUID, int](int)
    for call in calls:
        if call.outcome == Outcome.SUCCESS:
            successes[call.job_id] += 1
    # a job of several calls has the images of all of them
    made = sum(
        pictures.get(call.job_id, 0) / successes[call.job_id]
        for call in priced
        if call.outcome == Outcome.SUCCESS
    )
    if not made or len(currencies) > 1:
        return None, None
    return sum(call.cost_micro or 0 for call in priced) / made, next(iter(currencies), None)
