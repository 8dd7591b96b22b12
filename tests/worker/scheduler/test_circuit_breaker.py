from datetime import UTC, datetime, timedelta
from uuid import UUID

from models.queries.attempts import EndedCall
from worker.scheduler.circuit_breaker import CircuitBreaker, FailingJobs

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


FEW, ENOUGH = FailingJobs(4, enough=False), FailingJobs(5, enough=True)


def opened(at: datetime = NOW) -> CircuitBreaker:
    return CircuitBreaker().with_failure(at, "HTTP 500", ENOUGH)


def failed(job: int, seconds: float = 0, *, again: bool = False, model: str = "m") -> EndedCall:
    return EndedCall(UUID(int=job), model, NOW + seconds * SECOND, failed=True, failed_before=again)


def worked(job: int, seconds: float = 0) -> EndedCall:
    return EndedCall(UUID(int=job), "m", NOW + seconds * SECOND, failed=False)


def among(*calls: EndedCall) -> FailingJobs:
    return FailingJobs.among(calls, NOW + 30 * SECOND)


def test_a_few_failing_jobs_leave_it_closed() -> None:
    breaker = CircuitBreaker().with_failure(NOW, "HTTP 500", FEW)
    assert breaker.allowed_calls(NOW) is None
    assert (breaker.state(NOW), breaker.failures) == ("closed", 4)


def test_five_failing_jobs_open_it() -> None:
    breaker = opened()
    assert breaker.allowed_calls(NOW) == 0
    assert breaker.state(NOW) == "open"
    assert breaker.reason == "HTTP 500"


def test_five_jobs_that_fail_with_none_between_that_succeeds_are_enough() -> None:
    assert among(worked(9), *(failed(n, 1) for n in range(5))) == FailingJobs(5, enough=True)
    assert among(*(failed(n, n) for n in range(5))) == FailingJobs(5, enough=True)


def test_one_job_that_fails_five_times_counts_once() -> None:
    assert among(*(failed(1, n, again=n > 0) for n in range(5))) == FailingJobs(1, enough=False)


def test_what_failed_before_the_last_success_does_not_count() -> None:
    assert among(*(failed(n, 0) for n in range(5)), worked(9, 1)) == FailingJobs(0, enough=False, models=0)


def test_a_job_that_fails_again_after_others_succeeded_does_not_count() -> None:
    calls = [worked(99, 1), *(failed(n, 2, again=True) for n in range(8))]
    assert among(*calls).count == 0


def test_a_few_failing_jobs_among_very_many_calls_are_not_enough() -> None:
    calls = [*(worked(n, n / 100) for n in range(100)), *(failed(n, 2) for n in range(200, 209))]
    assert not among(*calls).enough
    assert among(*calls, failed(209, 2)).enough


def test_failing_jobs_of_several_models_are_told_from_those_of_one() -> None:
    assert among(*(failed(n) for n in range(5))).models == 1
    assert among(failed(1), failed(2, model="n")).models == 2


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
        breaker = breaker.with_probe(at).with_failure(at, "again", ENOUGH)
        assert breaker.until is not None
        pauses.append(breaker.until - at)
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=30)
    assert pauses[-1] == timedelta(minutes=10)


def test_a_probe_with_a_job_that_had_failed_before_does_not_lengthen_the_pause() -> None:
    breaker = opened()
    for _ in range(8):
        assert breaker.until is not None
        at = breaker.until
        breaker = breaker.with_probe(at).with_failure(at, "again", ENOUGH, again=True)
    assert breaker.until == at + 15 * SECOND


def test_times_that_are_not_possible_are_forgotten() -> None:
    breaker = opened(NOW + timedelta(days=365))
    assert breaker.possible(NOW) == CircuitBreaker()
    assert opened().possible(NOW) == opened()
    assert opened().possible(NOW + timedelta(days=365)) == opened()


def test_calls_that_were_under_way_when_it_opened_do_not_keep_it_shut_for_longer() -> None:
    breaker = opened()
    assert breaker.with_failure(NOW + SECOND, "late", ENOUGH).until == breaker.until


def test_it_survives_being_written_down() -> None:
    breaker = opened().with_probe(NOW)
    assert CircuitBreaker.from_json(breaker.to_json()) == breaker
    assert CircuitBreaker().to_json() is None
