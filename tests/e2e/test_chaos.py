"""The short form of ``make chaos``: everything breaks once, and nothing is lost, doubled or left behind."""

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.plan import Kind, Stage, draw_plan
from tests.chaos.run import run

# the timeout is twice the longest fault, so that a busy machine reaps no worker to which nothing happened
_STAGE = Stage(workers=3, apis=2, length=16, worker_timeout=6, longest=2.5, pause=(0.9, 1.2))
_SEED = 5


def test_the_schedule_is_the_same_for_the_same_seed_and_has_every_kind() -> None:
    plan = draw_plan(_SEED, _STAGE)
    assert plan == draw_plan(_SEED, _STAGE)
    assert plan != draw_plan(_SEED + 1, _STAGE)
    assert {error.kind for error in plan} == set(Kind)


def test_nothing_happens_twice_at_once_to_the_same_part() -> None:
    ends: Counter[str] = Counter()
    for error in draw_plan(_SEED, Stage(3, 2, 300, 5, 20, (0.2, 1.0))):
        assert error.at >= ends[error.target]
        ends[error.target] = error.at + error.seconds  # type: ignore[assignment]


@pytest.mark.slow(reason="the schedule of faults lasts 16 s")
def test_everything_may_break_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    outcome = run(tmp_path, _STAGE, seed=_SEED, jobs=150, delay="0.5-1.5", patience=60)
    print(outcome.table)
    if outcome.finding.complaints:
        pytest.fail("\n".join((outcome.table, *outcome.finding.complaints[:20])))
