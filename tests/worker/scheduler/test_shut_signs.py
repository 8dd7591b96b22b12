"""A channel is shut because of words only if a second, independent call says the same."""

from datetime import UTC, datetime, timedelta

from worker.scheduler.shut_signs import ShutSign, read_signs, with_sign

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = ShutSign("quota_exhausted", "caller-1", "job-1", NOW)


def sign(caller: str, job: str, *, code: str = "quota_exhausted", minutes: int = 1) -> ShutSign:
    return ShutSign(code, caller, job, NOW + timedelta(minutes=minutes))


def test_a_job_of_another_caller_confirms_a_sign() -> None:
    assert sign("caller-2", "job-2").confirms(FIRST, only_caller=False)
    assert not sign("caller-1", "job-2").confirms(FIRST, only_caller=False)


def test_another_job_does_where_there_is_one_caller_only() -> None:
    assert sign("caller-1", "job-2").confirms(FIRST, only_caller=True)
    assert not sign("caller-1", "job-1").confirms(FIRST, only_caller=True)


def test_another_code_or_an_old_sign_confirms_nothing() -> None:
    assert not sign("caller-2", "job-2", code="auth_invalid").confirms(FIRST, only_caller=False)
    assert not sign("caller-2", "job-2", minutes=61).confirms(FIRST, only_caller=False)


def test_the_first_sign_is_kept_until_it_is_old_and_all_are_bounded() -> None:
    stored = with_sign({}, "", FIRST)
    assert read_signs(stored) == {"": FIRST}
    assert read_signs(with_sign(read_signs(stored), "", sign("caller-1", "job-2")))[""] == FIRST
    late = sign("caller-1", "job-3", minutes=61)
    assert read_signs(with_sign(read_signs(stored), "", late))[""] == late
    for number in range(20):
        stored = with_sign(read_signs(stored), f"m-{number}", sign("c", "j", minutes=number))
    assert len(stored) == 16
    assert "m-19" in stored
