"""``make chaos SEED=1 JOBS=5000 RUNS=1``: breaks a fleet on purpose, and compares what is left."""

import argparse
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.plan import Stage
from tests.chaos.report import history
from tests.chaos.run import run


def stage_for(jobs: int) -> Stage:
    """Return a stage on which so many jobs meet all that can happen."""
    length = min(max(40.0, jobs / 22), 240.0)
    return Stage(workers=3, apis=2, length=length, worker_timeout=5, longest=20, pause=(1.5, 5.0))


def _some(complaints: Sequence[str]) -> Sequence[str]:
    """Return at most three of each kind; what varies within a kind are numbers and ids."""
    seen: Counter[str] = Counter()
    found = []
    for complaint in complaints:
        kind = re.sub(r"[0-9a-f-]*\d[0-9a-f-]*", "", complaint)
        seen[kind] += 1
        if seen[kind] <= 3:
            found.append(complaint)
    return found


def main() -> int:
    """Run with each seed; 1 if a run did not pass."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=1, help="seeds in a row")
    parser.add_argument("--keep", action="store_true", help="keep the logs of runs that pass")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended, too
    failed = 0
    for seed in range(given.seed, given.seed + given.runs):
        folder = Path(tempfile.mkdtemp(prefix=f"darkroom-chaos-{seed}-"))
        outcome = run(folder, stage_for(given.jobs), seed=seed, jobs=given.jobs)
        print(outcome.table)
        for complaint in _some(outcome.finding.complaints):
            print(f"  {complaint}")
            print(history(outcome.facts, complaint))
        if outcome.finding.complaints:
            print("falls:", *outcome.facts.falls, sep="\n  ")
        if outcome.finding.complaints or given.keep:
            print(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        failed += bool(outcome.finding.complaints)
    print(f"{given.runs - failed} of {given.runs} runs passed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
