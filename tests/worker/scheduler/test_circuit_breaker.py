from datetime import UTC, datetime, timedelta

from worker.scheduler.circuit_breaker import CircuitBreaker

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def opened(at: datetime = NOW) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(5):
        breaker = breaker.with_failure(at, "HTTP 500")
    return breaker


def test_a_few_failures_leave_it_closed() -> None:
    breaker = CircuitBreaker().with_failure(NOW, "HTTP 500").with_failure(NOW, "HTTP 500")
    assert breaker.allowed_calls(NOW) is None
    assert breaker.state(NOW) == "closed"


def test_five_failures_in_a_row_open_it() -> None:
    breaker = opened()
    assert breaker.allowed_calls(NOW) == 0
    assert breaker.state(NOW) == "open"
    assert breaker.reason == "HTTP 500"


def test_after_a_while_one_probe_is_let_through() -> None:
    breaker = opened()
    later = NOW + 16 * SECOND
    assert breaker.state(later) == "half_open"
    assert breaker.allowed_calls(later) == 1
    assert breaker.with_probe(later).allowed_calls(later) == 0


def test_a_probe_of_which_nothing_is_heard_is_followed_by_another() -> None:
    breaker = opened().with_probe(NOW + 16 * SECOND)
    assert breaker.allowed_calls(NOW + timedelta(minutes=11)) == 1


def test_a_probe_that_was_lost_or_given_back_is_followed_by_another_soon() -> None:
    breaker = opened().with_probe(NOW + 16 * SECOND)
    assert (
        breaker.without_lost_probe(NOW + 17 * SECOND, 0).allowed_calls(NOW + 17 * SECOND) == 0
    )  # its end may not be written yet
    assert (
        breaker.without_lost_probe(NOW + 30 * SECOND, 1).allowed_calls(NOW + 30 * SECOND) == 0
    )  # it is under way
    assert breaker.without_lost_probe(NOW + 30 * SECOND, 0).allowed_calls(NOW + 30 * SECOND) == 1


def test_a_failed_probe_keeps_it_open_for_longer_and_longer() -> None:
    breaker, pauses = opened(), []
    for _ in range(8):
        assert breaker.until is not None
        at = breaker.until
        breaker = breaker.with_probe(at).with_failure(at, "again")
        assert breaker.until is not None
        pauses.append(breaker.until - at)
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=30)
    assert pauses[-1] == timedelta(minutes=10)


def test_calls_that_were_under_way_when_it_opened_do_not_keep_it_shut_for_longer() -> None:
    breaker = opened()
    assert breaker.with_failure(NOW + SECOND, "late").until == breaker.until


def test_it_survives_being_written_down() -> None:
    breaker = opened().with_probe(NOW)
    assert CircuitBreaker.from_json(breaker.to_json()) == breaker
    assert CircuitBreaker().to_json() is None
