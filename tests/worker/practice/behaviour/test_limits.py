from worker.practice.conditions import Conditions, HiddenLimits


def test_a_call_above_the_rate_may_retry_when_the_oldest_is_a_minute_old() -> None:
    limits, conditions = HiddenLimits(), Conditions(rpm=2)

    assert limits.acquire("key", 0, conditions) is None
    assert limits.acquire("key", 10, conditions) is None
    assert limits.acquire("key", 20, conditions) == 40
    assert limits.acquire("other", 20, conditions) is None
    assert limits.acquire("key", 60, conditions) is None


def test_a_lower_limit_counts_the_calls_of_the_higher_one() -> None:
    limits = HiddenLimits()
    for moment in range(3):
        assert limits.acquire("key", moment, Conditions(rpm=9)) is None

    assert limits.acquire("key", 10, Conditions(rpm=2)) == 51
    assert limits.acquire("key", 10, Conditions()) is None


def test_calls_beyond_the_concurrency_wait_for_one_to_leave() -> None:
    limits, conditions = HiddenLimits(), Conditions(concurrency=1)

    assert limits.acquire("key", 0, conditions) is None
    assert limits.acquire("key", 0, conditions) is not None
    limits.release("key")
    assert limits.acquire("key", 0, conditions) is None
