"""Every answer seen in the wild is understood."""

import pytest

from tests.worker.upstream.cases import Case, cases
from worker.upstream.response_headers import rate_limits, request_id_of

every_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
every_classified_case = pytest.mark.parametrize(
    "case", [case for case in cases() if case.expected["outcome"] != "headers_only"], ids=lambda case: case.id
)


@every_case
def test_the_images_and_their_alternates_are_found(case: Case) -> None:
    answer = case.answer()
    assert [picture.address for picture in answer.images] == case.expected["images"]
    alternates = {
        picture.address: list(picture.alternates) for picture in answer.images if picture.alternates
    }
    assert alternates == case.expected.get("alternates", {})


@every_case
def test_progress_videos_and_handles_are_found(case: Case) -> None:
    answer, expected = case.answer(), case.expected
    assert list(answer.progress) == expected["progress"]
    assert list(answer.videos) == expected.get("videos", [])
    assert list(answer.posters) == expected.get("posters", [])
    assert list(answer.gen_ids) == expected.get("gen_ids", [])
    assert (answer.task_id, answer.poll_url) == (expected.get("task_id"), expected.get("poll_url"))


@every_case
def test_the_flags_of_a_good_answer_are_set(case: Case) -> None:
    answer, expected = case.answer(), case.expected
    assert answer.partial == expected.get("partial", False)
    assert answer.relative == expected.get("relative", False)
    if answer.images:
        assert answer.incomplete_stream == expected.get("incomplete_stream", False)


@pytest.mark.parametrize("case", cases("sse"), ids=lambda case: case.id)
def test_the_text_of_a_stream_is_verbatim(case: Case) -> None:
    answer = case.answer()
    assert answer.text == case.expected["text"]
    assert (answer.finish_reasons[-1:] or (None,))[0] == case.expected.get("finish_reason")


@every_classified_case
def test_the_result_is_right(case: Case) -> None:
    result, expected = case.result(), case.expected
    assert result.outcome == expected["outcome"]
    assert result.code == expected.get("error_code")
    assert result.scope == expected.get("scope")
    if "billed" in expected:
        assert result.billed == expected["billed"]
    waits = None if result.retry_after is None else result.retry_after.total_seconds()
    assert waits == (None if "retry_after_s" not in expected else pytest.approx(expected["retry_after_s"]))


@every_classified_case
def test_every_message_is_a_sentence_with_an_advice(case: Case) -> None:
    message = case.result().message
    assert message.endswith(".")
    assert message[0].isupper() or message[0].isdigit()
    assert len(message) > 10


@pytest.mark.parametrize(
    "case", [case for case in cases() if "ratelimit" in case.expected], ids=lambda c: c.id
)
def test_rate_limit_headers_are_read(case: Case) -> None:
    found = {
        name: {"limit": bucket.limit, "remaining": bucket.remaining, "reset_s": bucket.reset}
        for name, bucket in rate_limits(case.headers).items()
    }
    assert found == case.expected["ratelimit"]


@pytest.mark.parametrize(
    "case", [case for case in cases() if "request_id" in case.expected], ids=lambda c: c.id
)
def test_the_request_id_for_support_is_found(case: Case) -> None:
    assert request_id_of(case.headers) == case.expected["request_id"]
