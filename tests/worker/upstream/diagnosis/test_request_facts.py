"""Request facts: input images, number of images and streaming of a captured request."""

import json
from typing import Any

import pytest

from tests.worker.upstream.diagnosis.observations import ANSWER, IMAGE, explained
from worker.upstream.diagnosis.request_facts import RequestFacts, request_facts_of


@pytest.mark.parametrize(
    "request_body",
    [
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}]},
        json.dumps({"messages": [{"content": f"{IMAGE} make it snow"}]}),
        {"messages": [{"content": f"as in ![before]({IMAGE}), but at night"}]},
        {"input_urls": [IMAGE]},
    ],
)
def test_images_of_the_request_are_not_results(request_body: Any) -> None:
    document = explained(status=200, body=ANSWER, request=request_body)
    assert (document["outcome"], document["images"]) == ("no_image", [])


def test_n_and_stream_of_the_request_are_used() -> None:
    document = explained(status=200, body=ANSWER, request={"n": 2, "stream": True})
    assert document["partial"] is True
    assert document["text"] == f"![a]({IMAGE})"
    assert "text" not in explained(status=200, body=ANSWER)


@pytest.mark.parametrize(
    ("n", "number"), [(2, 2), ("3", 3), (0, None), (-1, None), (True, None), ("two", None), (2.5, None)]
)
def test_only_a_positive_whole_number_of_images_counts(n: object, number: int | None) -> None:
    assert request_facts_of({"n": n}).n == number


def test_urls_are_found_at_any_depth_and_once_without_their_punctuation() -> None:
    request = {"messages": [{"content": [{"text": f"see {IMAGE}."}, {"url": IMAGE}]}]}
    assert request_facts_of(request).input_urls == (IMAGE, f"{IMAGE}.")


def test_an_empty_request_tells_nothing() -> None:
    assert request_facts_of({}) == RequestFacts()
