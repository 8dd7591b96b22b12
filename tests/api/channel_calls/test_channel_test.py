"""Result of a channel test, for scripts and for people."""

import pytest

from api.channel_calls.channel_test import ChannelTest
from models.outcomes import Billed, CallResult, Outcome
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.image import ResultImage
from worker.upstream.reply import Reply

REFUSED = CallResult(
    Outcome.NEEDS_HUMAN,
    "auth_invalid",
    "The key is wrong.",
    Billed.NO,
    provider_message="invalid api key",
)


def images(count: int) -> Answer:
    """Return an answer with so many images."""
    return Answer(images=tuple(ResultImage(url=f"https://a.example/{number}.png") for number in range(count)))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "one works: 1 image in 2.0 s."),
        (2, "one works: 2 images in 2.0 s."),
    ],
)
def test_a_success_is_one_sentence(count: int, text: str) -> None:
    reply = Reply(images(count), CallResult(Outcome.SUCCESS), 200, elapsed=2.04)
    assert ChannelTest("one", "m", reply).view() == text


def test_a_failure_shows_the_code_the_status_and_the_provider_s_text() -> None:
    text = ChannelTest("one", "m", Reply(None, REFUSED, 401)).view()
    assert text == (
        "one does not work: auth_invalid (HTTP 401). The key is wrong.\nThe provider said: invalid api key"
    )


def test_a_failure_without_a_response_has_no_status() -> None:
    result = CallResult(Outcome.RETRY, "connect_error", "Nothing answered.")
    assert ChannelTest("one", "m", Reply(None, result)).view() == (
        "one does not work: connect_error. Nothing answered."
    )


def test_scripts_get_the_outcome_the_cost_and_the_request_id() -> None:
    value = ChannelTest("one", "m", Reply(None, REFUSED, 401, "req_1", elapsed=0.126)).value()
    assert (value["outcome"], value["billed"], value["request_id"]) == ("needs_human", "no", "req_1")
    assert (value["pictures"], value["seconds"], value["http_status"]) == (0, 0.13, 401)
