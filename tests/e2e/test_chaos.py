"""Short form of ``make chaos``: each fault once, and no job is lost, doubled or left unfinished."""

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.plan import Kind, Scenario, draw_plan
from tests.chaos.run import run

_SCENARIO = Scenario(
    workers=3,
    apis=2,
    length=16,
    worker_timeout=3,
    longest=2.5,
    pause=(0.7, 1.0),
    kinds=tuple(Kind),
)
_SEED = 5


def test_the_schedule_is_the_same_for_the_same_seed_and_has_every_kind() -> None:
    plan = draw_plan(_SEED, _SCENARIO)
    assert plan == draw_plan(_SEED, _SCENARIO)
    assert plan != draw_plan(_SEED + 1, _SCENARIO)
    assert {fault.kind for fault in plan} == set(Kind)


def test_faults_of_one_target_do_not_overlap() -> None:
    ends: Counter[str] = Counter()
    for fault in draw_plan(_SEED, Scenario(3, 2, 300, 5, 20, (0.2, 1.0))):
        assert fault.at >= ends[fault.target]
        ends[fault.target] = fault.at + fault.seconds  # type: ignore[assignment]


@pytest.mark.slow(reason="the schedule of faults lasts 16 s")
def test_no_job_is_lost_or_doubled_by_any_fault(tmp_path: Path) -> None:
    outcome = run(tmp_path, _SCENARIO, seed=_SEED, jobs=150, delay="0.5-1.5", timeout=60)
    print(outcome.table)
    if outcome.finding.violations:
        pytest.fail("\n".join((outcome.table, *outcome.finding.violations[:20])))
