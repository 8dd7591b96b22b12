"""A thousand dispatchers that contend for one channel, in simulated time: a model, not a measurement.

The costs of a poll, a round and a miss (another dispatcher holds the channel) are measured values. Compares
dispatchers that poll at a fixed interval and at each free slot with those that share a polling interval and
back off after misses (``worker.scheduler.poll_interval``).
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import Figure
from bench.servers import Servers
from worker.scheduler.poll_interval import PollInterval

WORKERS, SLOTS, SECONDS, WARM = 1_000, 20, 90.0, 60.0
CALL = (20.0, 60.0)  # seconds
INTERVAL = 0.5
POLL, MISS, ROUND = 0.003, 0.0015, 0.015  # seconds of each; a round holds the lock
STATEMENTS = {"poll": 5, "miss": 3, "round": 12}  # round trips to the database, with BEGIN and COMMIT


@dataclass
class DispatcherSimulation:
    """All dispatchers of one channel, with endless work or none."""

    backoff: bool
    work: bool = True
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATEMENTS, 0))
    waits: list[float] = field(default_factory=list)  #: seconds that a slot is free before its next lease

    def __post_init__(self) -> None:
        sharing = WORKERS if self.backoff else 1
        self._free: list[list[float]] = [[] for _ in range(WORKERS)]  # since when each slot is free
        self._intervals = [PollInterval(INTERVAL, sharing) for _ in range(WORKERS)]
        self._version = [0] * WORKERS  # of the poll that is due
        self._backing_off = [0.0] * WORKERS
        self._events: list[tuple[float, int, int, str]] = []
        self._locked, self._now = 0.0, 0.0

    def run(self) -> "DispatcherSimulation":
        """Simulate; counts begin after the warm-up."""
        for worker in range(WORKERS):
            self._schedule_poll(worker, self.chance.uniform(0, self._intervals[worker].seconds))
            for _ in range(SLOTS if self.work else 0):
                self._push(self.chance.uniform(0, CALL[1]), worker, "ended")
        while self._events and self._now < SECONDS:
            self._now, worker, version, what = heapq.heappop(self._events)
            if what == "ended":
                self._free[worker].append(self._now)
                self._schedule_poll(worker, max(self._backing_off[worker], self._now))
            elif version == self._version[worker]:
                self._poll(worker)
        return self

    def _poll(self, worker: int) -> None:
        """Poll, try to lock the channel, and lease jobs for all free slots."""
        self._count("poll")
        tried, interval = self._now + POLL, self._intervals[worker]
        ended, missed = tried, False
        if self._free[worker] and self.work:
            missed = self._locked > tried
            self._count("miss" if missed else "round")
            ended = tried + (MISS if missed else ROUND)
            if not missed:
                self._locked = ended
                self._lease(worker, ended)
        interval.misses = interval.misses + 1 if missed and self.backoff else 0
        pause = interval.backoff(self.chance.random())
        self._backing_off[worker] = ended + pause
        self._version[worker] += 1
        soon = self.backoff and missed
        self._push(ended + pause + (0 if soon else interval.seconds), worker, "poll")

    def _lease(self, worker: int, at: float) -> None:
        for since in self._free[worker]:
            if self._now >= WARM:
                self.waits.append(at - since)
            self._push(at + self.chance.uniform(*CALL), worker, "ended")
        self._free[worker].clear()

    def _schedule_poll(self, worker: int, at: float) -> None:
        if self.backoff and self._intervals[worker].misses:
            return  # its next poll is due soon anyway
        self._version[worker] += 1
        self._push(at, worker, "poll")

    def _push(self, at: float, worker: int, what: str) -> None:
        heapq.heappush(self._events, (at, worker, self._version[worker], what))

    def _count(self, what: str) -> None:
        if self._now >= WARM:
            self.counts[what] += 1


def measure(_servers: Servers) -> Sequence[Figure]:
    """Simulate a busy and an idle fleet, with and without backoff."""
    figures: list[Figure] = []
    for backoff in (False, True):
        how = "backing off" if backoff else "fixed interval"
        busy, idle = DispatcherSimulation(backoff).run(), DispatcherSimulation(backoff, work=False).run()
        figures += [
            Figure(f"{WORKERS:,} workers, {how}: rounds", busy.counts["round"] / (SECONDS - WARM), "/s"),
            Figure("  misses", busy.counts["miss"] / (SECONDS - WARM), "/s"),
            Figure("  statements, busy", _statements(busy), "/s"),
            Figure("  statements, idle", _statements(idle), "/s"),
            Figure("  a free slot waits, mean", 1000 * sum(busy.waits) / len(busy.waits), "ms"),
            Figure("  a free slot waits, p99", 1000 * sorted(busy.waits)[int(len(busy.waits) * 0.99)], "ms"),
            Figure("  jobs started", len(busy.waits) / (SECONDS - WARM), "/s"),
        ]
    return figures


def _statements(simulation: DispatcherSimulation) -> float:
    trips = sum(STATEMENTS[what] * count for what, count in simulation.counts.items())
    return trips / (SECONDS - WARM)
