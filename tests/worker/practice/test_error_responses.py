"""Error responses of the practice provider."""

import pytest

from worker.practice.error_responses import TEXT_REPLIES, error_response, rate_limit_response
from worker.practice.fault_injection import FAULTS
from worker.practice.request_options import FAILURE_KINDS, FailureKind


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_every_failure_is_a_response_a_text_a_fault_or_one_of_the_image_links(kind: FailureKind) -> None:
    known = [
        error_response(kind, delay=0, retry_after=None) is not None,
        kind in TEXT_REPLIES,
        kind in FAULTS,
        kind in ("drip", "dead_link", "truncated"),
    ]
    assert known.count(True) == 1


@pytest.mark.parametrize(("kind", "after"), [("500", 3), ("504", 3), ("429", 0), ("400", 0)])
def test_only_failures_after_the_work_wait_for_its_delay(kind: FailureKind, after: float) -> None:
    script = error_response(kind, delay=3, retry_after=None)
    assert script is not None
    assert script.steps[0].after == after


@pytest.mark.parametrize(("seconds", "headers"), [(None, {}), (2.5, {"Retry-After": "2.5"})])
def test_overload_may_announce_when_to_retry(seconds: float | None, headers: dict[str, str]) -> None:
    script = error_response("503", delay=0, retry_after=seconds)
    assert script is not None
    assert script.headers == headers


def test_a_rate_limit_is_announced_in_the_given_way() -> None:
    assert rate_limit_response(1.2).headers == {"Retry-After": "2"}
    assert rate_limit_response(1.2, "headers", limit=9).headers["X-RateLimit-Limit-Requests"] == "9"
    assert rate_limit_response(1.2, "nothing").headers == {}
