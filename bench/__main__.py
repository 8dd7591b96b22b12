"""Run the benchmarks that take a few minutes, or the named ones: ``python -m bench [NAME]…``."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from bench import (
    answers,
    bulk,
    campaigns,
    contention,
    dashboard,
    downloads,
    embedded,
    end_to_end,
    fairness,
    hidden,
    in_flight,
    limiter,
    midjourney,
    months,
    openai_batches,
    outage,
    polling,
    rounds,
    routing,
    rows,
    scale,
    submit,
    synchronous,
    upkeep,
    walk,
)
from bench.figures import Figure, show
from bench.peers import compare
from bench.servers import Servers, open_servers

_BENCHES: Mapping[str, Callable[[Servers], Sequence[Figure]]] = {
    "submit": submit.measure,
    "bulk": bulk.measure,
    "synchronous": synchronous.measure,
    "end_to_end": end_to_end.measure,
    "in_flight": in_flight.measure,
    "downloads": downloads.measure,
    "polling": polling.measure,
    "embedded": embedded.measure,
    "rows": rows.measure,
    "campaigns": campaigns.measure,
    "openai_batches": openai_batches.measure,
    "answers": answers.measure,
    "rounds": rounds.measure,
    "limiter": limiter.measure,
    "hidden": hidden.measure,
    "fairness": fairness.measure,
    "outage": outage.measure,
    "scale": scale.measure,
    "crowd": contention.measure,
    "midjourney": midjourney.measure,
    "walk": walk.measure,
    "upkeep": upkeep.measure,
    "dashboard": dashboard.measure,
    "months": months.measure,
    "routing": routing.measure,
    "peers": compare.measure,
}
_LONG = frozenset({"limiter", "hidden", "scale", "months", "peers"})  # ten minutes and more: only by name


def main(names: Sequence[str]) -> int:
    """Run the benchmarks and print the table; return 1 if a goal was missed, 2 for an unknown name."""
    if unknown := set(names) - set(_BENCHES):
        print(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(_BENCHES)}.")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that started processes are ended, too
    figures: list[Figure] = []
    with open_servers() as servers:
        for name in names or [name for name in _BENCHES if name not in _LONG]:
            print(f"{name}, load average before: {os.getloadavg()[0]:.1f}", flush=True)
            figures += _BENCHES[name](servers)
    show(figures)
    return int(any(figure.met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
