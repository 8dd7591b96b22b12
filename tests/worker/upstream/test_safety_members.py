"""Members about safety say that an image was withheld; the same members of a good image say nothing."""

from typing import Any

import pytest

from tests.worker.upstream.bodies import classified
from worker.upstream.safety_members import withheld_reasons


@pytest.mark.parametrize(
    "body",
    [
        {"predictions": [{"raiFilteredReason": "They violated usage guidelines."}]},
        {"generatedImages": [{"rai_filtered_reason": "filtered"}]},
        {"artifacts": [{"base64": "", "finishReason": "CONTENT_FILTERED"}]},
        {"data": [{"url": "", "is_image_safe": False}]},
        {"images": [], "has_nsfw_concepts": [True]},
        {"data": {"images": [], "nsfw": True}},
        {
            "prompt_filter_results": [{"content_filter_results": {"sexual": {"filtered": True}}}],
            "choices": [],
        },
        {"is_image_safe": False},
    ],
)
def test_a_withheld_image_is_told_by_a_member(body: dict[str, Any]) -> None:
    assert withheld_reasons(body)


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"url": "https://h.example/a.png", "is_image_safe": True}]},
        {"artifacts": [{"finishReason": "SUCCESS"}]},
        {"prompt_filter_results": [{"content_filter_results": {"sexual": {"filtered": False}}}]},
        {"data": {"safety_checker": True, "blocked": False}},
        {"choices": [{"message": {"content": "filtered"}}]},
    ],
)
def test_members_that_are_in_order_say_nothing(body: dict[str, Any]) -> None:
    assert withheld_reasons(body) == []


def test_the_words_are_kept_for_the_caller() -> None:
    result = classified(200, {"predictions": [{"raiFilteredReason": "All images were filtered out."}]})
    assert (result.code, result.provider_message) == ("moderation_output", "All images were filtered out.")
