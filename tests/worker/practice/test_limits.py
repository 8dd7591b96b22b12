from worker.practice.limits import Limits
from worker.practice.options import PracticeOptions


def test_calls_beyond_the_minute_are_told_when_the_oldest_is_a_minute_old() -> None:
    limits = Limits(PracticeOptions(rpm=2))

    assert limits.enter("key", 0) is None
    assert limits.enter("key", 10) is None
    assert limits.enter("key", 20) == 40
    assert limits.enter("other", 20) is None
    assert limits.enter("key", 60) is None


def test_calls_beyond_the_concurrency_wait_for_one_to_leave() -> None:
    limits = Limits(PracticeOptions(concurrency=1))

    assert limits.enter("key", 0) is None
    assert limits.enter("key", 0) is not None
    limits.leave("key")
    assert limits.enter("key", 0) is None
