"""Calls are counted by what came back, and what they cost."""

from dataclasses import replace

import pytest

from models.money.cost import CostSource
from models.outcomes import Billed, CallResult, ErrorCode, Outcome
from models.queries.attempts import AttemptRecord
from tests.worker.leased import leased_job
from tests.worker.metrics.samples import sample
from worker.metrics.call_metrics import call_ended, call_left, call_recorded
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.image import ResultImage
from worker.upstream.reply import Reply

JOB = leased_job(channel="metered", model="metered-image")
OF_JOB = {"channel": "metered", "model": "metered-image"}


def ended(result: CallResult, answer: Answer | None = None, **record: object) -> None:
    written = replace(AttemptRecord.of(JOB.id, 1, result), **record)  # type: ignore[arg-type]
    call_ended(JOB, Reply(answer, result, elapsed=12.0), written, reserved=100_000)


def test_an_answer_with_images_counts_its_images_tokens_and_cost() -> None:
    answer = Answer(
        images=(ResultImage(url="https://a.example/1.png"), ResultImage(url="https://a.example/2.png")),
        usage={"prompt_tokens": 7, "completion_tokens": 900},
    )
    ended(
        CallResult(Outcome.SUCCESS, billed=Billed.YES),
        answer,
        cost_micro=110_000,
        currency="USD",
        cost_source=CostSource.TOKENS,
    )
    assert sample("darkroom_provider_images_total", **OF_JOB) == 2
    assert sample("darkroom_provider_responses_total", **OF_JOB, result="image") == 1
    cost = sample("darkroom_cost_total", **OF_JOB, currency="USD", outcome="success", source="tokens")
    assert cost == pytest.approx(0.11)
    name = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "metered",
        "gen_ai_request_model": "metered-image",
    }
    assert sample("gen_ai_client_token_usage_sum", **name, gen_ai_token_type="output") == 900
    assert sample("gen_ai_client_operation_duration_seconds_sum", **name, error_type="") == 12
    assert sample("darkroom_cost_reservation_error_ratio_sum", channel="metered") == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("outcome", "code", "shown"),
    [
        (Outcome.PERMANENT, "refusal", "refused"),
        (Outcome.AMBIGUOUS, "timeout", "timeout"),
        (Outcome.NO_IMAGE, "empty_response", "empty"),
        (Outcome.AMBIGUOUS, "not_understood", "malformed"),
        (Outcome.AMBIGUOUS, "stream_truncated", "truncated"),
        (Outcome.PENDING, None, "accepted"),
        (Outcome.NO_IMAGE, "no_image", "text_only"),
        (Outcome.RETRY, "upstream_error", "http_error"),
    ],
)
def test_a_response_without_an_image_is_no_success(
    outcome: Outcome, code: ErrorCode | None, shown: str
) -> None:
    before = sample("darkroom_provider_responses_total", **OF_JOB, result=shown)
    ended(CallResult(outcome, code, billed=Billed.NO))
    assert sample("darkroom_provider_responses_total", **OF_JOB, result=shown) == before + 1


def test_calls_that_may_have_been_charged_are_counted() -> None:
    before = sample("darkroom_unknown_billing_attempts_total", channel="metered")
    call_recorded(JOB, AttemptRecord.of(JOB.id, 1, CallResult(Outcome.AMBIGUOUS, "timeout")))
    call_recorded(JOB, AttemptRecord.of(JOB.id, 1, CallResult(Outcome.RETRY, billed=Billed.NO)))
    assert sample("darkroom_unknown_billing_attempts_total", channel="metered") == before + 1


def test_limits_are_counted_and_what_is_left_of_the_providers_is_shown() -> None:
    name = {"channel": "metered"}
    call_left(JOB, 0.0)
    call_left(JOB, 0.5)
    refused = CallResult(Outcome.RETRY, "rate_limited", billed=Billed.NO)
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "15"}
    reply = Reply(None, refused, headers=headers, first_chunk=3.0)
    call_ended(JOB, reply, AttemptRecord.of(JOB.id, 1, refused), reserved=None)
    counted = {
        decision: sample("darkroom_ratelimit_decisions_total", **name, decision=decision)
        for decision in ("granted", "delayed", "refused")
    }
    assert counted == {"granted": 1, "delayed": 1, "refused": 1}
    assert sample("darkroom_provider_quota_remaining_ratio", **name, kind="requests") == 0.25
    of_call = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "metered"}
    first = "gen_ai_client_operation_time_to_first_chunk_seconds_sum"
    assert sample(first, **of_call, gen_ai_request_model="metered-image") == 3
