"""Calls that ask for a text: what counts as a text, and what is still a failure."""

import pytest

from models.outcomes import Outcome
from tests.worker.upstream.answers import PNG, body, data, message, text_answer
from worker.upstream.errors.classify import classify
from worker.upstream.errors.text_results import classify_as_text
from worker.upstream.parsing.answer import Answer
from worker.upstream.reply import Reply
from worker.upstream.transport_errors import TransportFailure

LIST = "1. A cat whose request was blocked by the safety filter of a door\n2. A dog that is out of quota"


def outcome(answer: Answer, *, status: int = 200, failure: TransportFailure | None = None) -> str:
    """Return the outcome of an answer to a call that asked for a text."""
    reply = Reply(answer, classify(answer, status=status, failure=failure), status, failure=failure)
    return classify_as_text(reply).result.outcome


@pytest.mark.parametrize(
    "text", ["A cat on a red sofa.", LIST, "1️⃣ a cat\n\n2️⃣ a dog", f"A cat.\n\n![a]({data(PNG)})"]
)
def test_a_text_is_a_success(text: str) -> None:
    assert outcome(text_answer(text)) is Outcome.SUCCESS


def test_a_text_cut_at_the_token_limit_is_a_success() -> None:
    cut = body({"choices": [{"message": {"content": "A cat on a"}, "finish_reason": "length"}]})
    assert outcome(cut) is Outcome.SUCCESS


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't create that image because it violates our content policy.",
        "用户额度不足, 剩余额度: $0.012000",
        "",
        "   ",
    ],
)
def test_a_text_that_describes_a_failure_is_not(text: str) -> None:
    assert outcome(text_answer(text)) is not Outcome.SUCCESS


def test_a_refusal_in_its_own_member_stays_one() -> None:
    refused = message({"content": LIST, "refusal": "I can't describe people."})
    assert outcome(refused) is not Outcome.SUCCESS


def test_an_image_without_text_is_a_failure() -> None:
    answer = text_answer(f"![a]({data(PNG)})")
    reply = Reply(answer, classify(answer, status=200), 200)
    result = classify_as_text(reply).result
    assert (reply.result.outcome, result.outcome) == (Outcome.SUCCESS, Outcome.NO_IMAGE)
    assert "words" in result.message


def test_errors_and_broken_connections_stay_failures() -> None:
    error = body({"error": {"message": "Rate limit reached", "type": "requests"}})
    assert outcome(error, status=429) is Outcome.RETRY
    assert outcome(text_answer(LIST), failure=TransportFailure.CONNECTION_RESET) is not Outcome.SUCCESS
