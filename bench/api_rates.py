"""Rate and processor time of an API's requests, as shares of those of a route that does nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from bench.figures import Figure
from bench.load import Responses, flood, run
from tests.support.processes import Process

_GOAL = 0.2  # of the rate of the route that does nothing


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is measured."""

    port: int
    process: Process

    def measure(self, prepared: Callable[[int], bytes], count: int) -> tuple[Responses, float]:
        """Send requests on 32 connections; return the responses and milliseconds of processor time each."""
        run(flood(self.port, prepared, count=300))
        before = self._seconds()
        responses = run(flood(self.port, prepared, count=count))
        assert not responses.refused, responses.refused[0]
        return responses, 1000 * (self._seconds() - before) / count

    def _seconds(self) -> float:
        used = psutil.Process(self.process.pid).cpu_times()
        return float(used.user + used.system)


def compare(
    what: str, idle: Server, api: Server, prepared: Callable[[int], bytes], *, count: int = 3_000
) -> Sequence[Figure]:
    """Measure requests against the route that does nothing."""
    (limit, least), (real, used) = idle.measure(prepared, 2 * count), api.measure(prepared, count)
    nothing = "route doing nothing"
    return (
        Figure(what, real.rate, "requests/s", limit.rate, nothing, goal=_GOAL, of_limit=True),
        Figure("  processor time of one", used, "ms", least, nothing),
        Figure("  p99 of them", real.quantile(0.99), "ms", limit.quantile(0.99), nothing),
    )
