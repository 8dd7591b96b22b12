from worker.practice.conditions import Conditions, Limits


def test_calls_beyond_the_minute_are_told_when_the_oldest_is_a_minute_old() -> None:
    limits, weather = Limits(), Conditions(rpm=2)

    assert limits.enter("key", 0, weather) is None
    assert limits.enter("key", 10, weather) is None
    assert limits.enter("key", 20, weather) == 40
    assert limits.enter("other", 20, weather) is None
    assert limits.enter("key", 60, weather) is None


def test_a_lower_limit_counts_the_calls_of_the_higher_one() -> None:
    limits = Limits()
    for moment in range(3):
        assert limits.enter("key", moment, Conditions(rpm=9)) is None

    assert limits.enter("key", 10, Conditions(rpm=2)) == 51
    assert limits.enter("key", 10, Conditions()) is None


def test_calls_beyond_the_concurrency_wait_for_one_to_leave() -> None:
    limits, weather = Limits(), Conditions(concurrency=1)

    assert limits.enter("key", 0, weather) is None
    assert limits.enter("key", 0, weather) is not None
    limits.leave("key")
    assert limits.enter("key", 0, weather) is None
