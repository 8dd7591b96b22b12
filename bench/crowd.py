"""A thousand dispatchers that contend for one channel, in simulated time: a model, not a measurement.

What a look, a round and a miss cost is given as it was measured; calls take as long as they take. Compared
are dispatchers that look whenever a slot becomes free, and those that back off (worker.scheduler).
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import Figure
from bench.stage import Stage
from worker.scheduler.poll_interval import PollInterval

WORKERS, SLOTS, SECONDS, WARM = 1_000, 20, 90.0, 60.0
CALL = (20.0, 60.0)  # seconds
INTERVAL, REST = 0.5, 0.02
LOOK, MISS, ROUND = 0.003, 0.0015, 0.015  # seconds that each takes; the lock is held for a round
STATEMENTS = {"look": 5, "miss": 3, "round": 12}  # trips to the database, with BEGIN and COMMIT


@dataclass
class Crowd:
    """All dispatchers of one channel with endless work, or none at all."""

    patient: bool
    work: bool = True
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATEMENTS, 0))
    waits: list[float] = field(default_factory=list)  #: seconds from a slot's freeing to its next lease

    def __post_init__(self) -> None:
        crew = WORKERS if self.patient else 1
        self._free: list[list[float]] = [[] for _ in range(WORKERS)]  # since when each slot is free
        self._patience = [PollInterval(INTERVAL, crew) for _ in range(WORKERS)]
        self._version = [0] * WORKERS  # of the look that is due
        self._resting = [0.0] * WORKERS
        self._events: list[tuple[float, int, int, str]] = []
        self._locked, self._now = 0.0, 0.0

    def run(self) -> "Crowd":
        """Simulate; what is counted begins after the warm-up."""
        for worker in range(WORKERS):
            self._look_at(worker, self.chance.uniform(0, self._patience[worker].seconds))
            for _ in range(SLOTS if self.work else 0):
                self._push(self.chance.uniform(0, CALL[1]), worker, "ended")
        while self._events and self._now < SECONDS:
            self._now, worker, version, what = heapq.heappop(self._events)
            if what == "ended":
                self._free[worker].append(self._now)
                self._look_at(worker, max(self._resting[worker], self._now))
            elif version == self._version[worker]:
                self._look(worker)
        return self

    def _look(self, worker: int) -> None:
        """Look, try to get the lock, and lease for all free slots."""
        self._count("look")
        tried, patience = self._now + LOOK, self._patience[worker]
        ended, missed = tried, False
        if self._free[worker] and self.work:
            missed = self._locked > tried
            self._count("miss" if missed else "round")
            ended = tried + (MISS if missed else ROUND)
            if not missed:
                self._locked = ended
                self._lease(worker, ended)
        patience.misses = patience.misses + 1 if missed and self.patient else 0
        rest = patience.backoff(self.chance.random())
        self._resting[worker] = ended + rest
        self._version[worker] += 1
        soon = self.patient and missed
        self._push(ended + rest + (0 if soon else patience.seconds), worker, "look")

    def _lease(self, worker: int, at: float) -> None:
        for since in self._free[worker]:
            if self._now >= WARM:
                self.waits.append(at - since)
            self._push(at + self.chance.uniform(*CALL), worker, "ended")
        self._free[worker].clear()

    def _look_at(self, worker: int, at: float) -> None:
        if self.patient and self._patience[worker].misses:
            return  # its next look is due soon anyway
        self._version[worker] += 1
        self._push(at, worker, "look")

    def _push(self, at: float, worker: int, what: str) -> None:
        heapq.heappush(self._events, (at, worker, self._version[worker], what))

    def _count(self, what: str) -> None:
        if self._now >= WARM:
            self.counts[what] += 1


def measure(_stage: Stage) -> Sequence[Figure]:
    """Simulate a busy and an idle fleet, with and without backoff."""
    figures: list[Figure] = []
    for patient in (False, True):
        how = "patient" if patient else "eager"
        busy, idle = Crowd(patient).run(), Crowd(patient, work=False).run()
        figures += [
            Figure(f"{WORKERS:,} {how} workers: rounds", busy.counts["round"] / (SECONDS - WARM), "/s"),
            Figure("  misses", busy.counts["miss"] / (SECONDS - WARM), "/s"),
            Figure("  statements, busy", _statements(busy), "/s"),
            Figure("  statements, idle", _statements(idle), "/s"),
            Figure("  a free slot waits, mean", 1000 * sum(busy.waits) / len(busy.waits), "ms"),
            Figure("  a free slot waits, p99", 1000 * sorted(busy.waits)[int(len(busy.waits) * 0.99)], "ms"),
            Figure("  jobs started", len(busy.waits) / (SECONDS - WARM), "/s"),
        ]
    return figures


def _statements(snapshot: Crowd) -> float:
    trips = sum(STATEMENTS[what] * count for what, count in snapshot.counts.items())
    return trips / (SECONDS - WARM)
