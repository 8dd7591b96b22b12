"""Routing: choose the channel on which a job starts, and reserve room for a job that can't start yet.

Order of preference: a channel other than the one that failed last, the lower tier, the lower load, the name.
"""

from collections.abc import Sequence
from datetime import datetime

from models.queries.scheduling.due_jobs import Candidate
from worker.scheduler.channel_capacity import HORIZON, ChannelCapacity


def choose_channel(
    channels: Sequence[ChannelCapacity], job: Candidate, earliest: datetime, now: datetime
) -> tuple[ChannelCapacity, datetime] | None:
    """Return the best channel on which a job can start within the horizon, and its start, or ``None``."""
    options = [
        (channel.id == job.avoid, channel.tier, channel.load, channel.name, channel, at)
        for channel in _available(channels, job)
        if (at := channel.next_start(job.model, job.images, earliest)) <= now + HORIZON
    ]
    return min(options, key=lambda option: option[:4])[4:] if options else None


def reserve_capacity(
    channels: Sequence[ChannelCapacity], job: Candidate, earliest: datetime, now: datetime
) -> None:
    """Reserve room for a job that waits for nothing but images per minute, where it can start first.

    Without it, smaller jobs would use up again and again what a larger one needs at once.
    """
    available = _available(channels, job)
    if not available or earliest > now + HORIZON:
        return
    soonest = min(available, key=lambda channel: channel.next_start(job.model, job.images, earliest))
    binding = soonest.binding_limit(job.model, job.images, earliest) or ""
    if binding.endswith("ipm") and soonest.images_of_call(job.images) > 1:
        soonest.reserve(job)


def _available(channels: Sequence[ChannelCapacity], job: Candidate) -> list[ChannelCapacity]:
    return [channel for channel in channels if channel.takes(job)]
