"""``make chaos SEED=1 JOBS=5000 RUNS=1``: inject faults into a fleet, then verify its data."""

import argparse
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from tests.chaos.plan import Kind, Scenario
from tests.chaos.report import history
from tests.chaos.run import run

_OTHER_SETTINGS = "other_settings"  #: of ``--without``, besides the kinds of faults
_NAMES = {kind.name.lower(): kind for kind in Kind}


def scenario_for(jobs: int, without: Collection[str] = ()) -> Scenario:
    """Return a scenario long enough for so many jobs to meet most kinds of faults."""
    return Scenario(
        workers=3,
        apis=2,
        length=min(max(40.0, jobs / 22), 240.0),
        worker_timeout=5,
        longest=20,
        pause=(1.5, 5.0),
        kinds=[kind for name, kind in _NAMES.items() if name not in without],
        other_settings=_OTHER_SETTINGS not in without,
    )


def _sample(violations: Sequence[str]) -> Sequence[str]:
    """Return at most three violations of each kind; those of a kind differ in numbers and ids only."""
    seen: Counter[str] = Counter()
    found = []
    for violation in violations:
        kind = re.sub(r"[0-9a-f-]*\d[0-9a-f-]*", "", violation)
        seen[kind] += 1
        if seen[kind] <= 3:
            found.append(violation)
    return found


def main() -> int:
    """Run with each seed; return 1 if a run did not pass."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=1, help="seeds in a row")
    parser.add_argument("--without", nargs="*", default=(), choices=[*_NAMES, _OTHER_SETTINGS])
    parser.add_argument("--keep", action="store_true", help="keep the logs of runs that pass")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that started processes are ended, too
    failed = 0
    for seed in range(given.seed, given.seed + given.runs):
        folder = Path(tempfile.mkdtemp(prefix=f"darkroom-chaos-{seed}-"))
        outcome = run(folder, scenario_for(given.jobs, given.without), seed=seed, jobs=given.jobs)
        print(outcome.table)
        for violation in _sample(outcome.finding.violations):
            print(f"  {violation}")
            print(history(outcome.facts, violation))
        if outcome.finding.violations:
            print("worker outages:", *outcome.facts.worker_outages, sep="\n  ")
        if outcome.finding.violations or given.keep:
            print(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        failed += bool(outcome.finding.violations)
    print(f"{given.runs - failed} of {given.runs} runs passed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
