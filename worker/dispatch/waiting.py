"""Why a queued job does not run yet, and when it may: asked of the gate's own rules, for one moment."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from models.channels import serves
from models.queue_status import Gate, Queued, Reason, Waiting
from worker.scheduler.channel_capacity import Outlet, in_flight_on
from worker.scheduler.fair_queue import guest_of
from worker.scheduler.wait_reason import Hindrance, last_to_end, of_caller, of_channel, stopped


class Lookout:
    """The gate at one moment. It takes nothing; many jobs may be asked about."""

    def __init__(self, gate: Gate, at: datetime) -> None:
        self.gate, self.at = gate, at
        self.outlets = [
            (row, Outlet(row, in_flight_on(row.id, gate.calls), at))
            for row in gate.channels
            if row.configured
        ]
        self._guests = {row.id: (row, guest_of(row, gate.calls)) for row in gate.callers}

    def caller(self, caller_id: UUID) -> Any | None:
        """Return the row of a caller that has limits of its own."""
        known = self._guests.get(caller_id)
        return known[0] if known else None

    def compete(self, model: str, other: str) -> bool:
        """Tell whether jobs of two models may start on the same channel."""
        return model == other or any(
            all(serves(row.models, each) and stopped(row, each) is None for each in (model, other))
            for row, _ in self.outlets
        )

    def why(self, job: Queued) -> Waiting:
        """Tell why a queued job does not run now."""
        if job.not_before > self.at:
            reason, words = (
                (Reason.BACKOFF, "Its last call failed; it is tried again then.")
                if job.backing_off
                else (Reason.NOT_BEFORE, "Its caller chose this time.")
            )
            return Waiting(reason, words, job.since, job.not_before)
        serving = [row for row, _ in self.outlets if serves(row.models, job.model)]
        if not serving:
            return Waiting(Reason.NO_CHANNEL, f"No channel serves the model {job.model}.", job.since)
        if all(stopped(row, job.model) for row in serving):
            return _stopped(job, serving)
        if self.gate.workers_alive == 0:
            return Waiting(
                Reason.NO_WORKER, "No worker is running; start one with `darkroom work`.", job.since
            )
        found = last_to_end([*self._channels(job), *self._caller(job), *self._slots()])
        if found is None:
            return Waiting(Reason.FAIR_SHARE, "It is next in turn, or others are before it.", job.since)
        return Waiting(found.reason, found.detail, job.since, found.until)

    def _channels(self, job: Queued) -> Sequence[Hindrance]:
        """Return the least hindrance over the channels: that which may be over first."""
        each = [
            of_channel(row, outlet, job.model, job.pictures, self.at)
            for row, outlet in self.outlets
            if serves(row.models, job.model) and stopped(row, job.model) is None
        ]
        known = [hindrance for hindrance in each if hindrance is not None]
        if len(known) < len(each):
            return []
        return [min(known, key=lambda hindrance: hindrance.until or self.at)]

    def _caller(self, job: Queued) -> Sequence[Hindrance]:
        caller = self._guests.get(job.caller_id)
        found = of_caller(*caller, job.pictures, self.at) if caller else None
        return [found] if found else []

    def _slots(self) -> Sequence[Hindrance]:
        if self.gate.slots_used < self.gate.slots:
            return []
        return [Hindrance(Reason.CONCURRENCY, f"All {self.gate.slots} slots of the workers are in use.")]


def _stopped(job: Queued, serving: Sequence[Any]) -> Waiting:
    times = [
        max(job.since, row.tripped_at or row.draining_at or row.paused_at or job.since) for row in serving
    ]
    words = "; ".join(words for row in serving if (words := stopped(row, job.model)))
    return Waiting(Reason.PAUSED, words, max(times))
