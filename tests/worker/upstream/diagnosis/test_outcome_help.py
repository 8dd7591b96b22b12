"""Help text per outcome, billing and scope."""

import pytest

from models.outcomes import Billed, ErrorCode, Outcome, Scope
from worker.upstream.diagnosis.outcome_help import BILLED_HELP, OUTCOME_HELP, SCOPE_HELP, job_help


def test_every_outcome_billing_and_scope_has_a_help_text() -> None:
    assert set(OUTCOME_HELP) == set(Outcome)
    assert set(BILLED_HELP) == set(Billed)
    assert set(SCOPE_HELP) == set(Scope)


@pytest.mark.parametrize(
    ("outcome", "code", "text"),
    [
        (Outcome.RETRY, "rate_limited", "loses no attempt"),
        (Outcome.RETRY, "input_image_unreachable", "once more"),
        (Outcome.RETRY, "upstream_error", "as long as it has attempts left"),
        (Outcome.NO_IMAGE, "no_image", "once more"),
        (Outcome.NEEDS_HUMAN, "auth_invalid", "stays queued"),
        (Outcome.AMBIGUOUS, "timeout", "on_unknown"),
    ],
)
def test_the_help_for_a_job_follows_the_default_retry_rules(
    outcome: Outcome, code: ErrorCode, text: str
) -> None:
    assert text in job_help(outcome, code)
