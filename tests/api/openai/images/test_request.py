"""Requests of the images API: what is passed on, and what is Darkroom's own."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from api.openai.images.request import read_request
from models.errors import InvalidRequest

REQUEST = Request(
    {"type": "http", "method": "POST", "path": "/v1/images/generations", "query_string": b"", "headers": []}
)
CONTEXT: Any = SimpleNamespace(services=None, request=REQUEST)


def test_members_that_darkroom_does_not_read_are_passed_on() -> None:
    wanted = read_request(
        {
            "model": "gpt-image-2",
            "prompt": "a fox",
            "n": 2,
            "size": "1024x1024",
            "quality": "high",
            "background": None,
            "safety_identifier": "u1",
            "frame_count": 3,
            "response_format": "url",
            "service_tier": "flex",
        },
        CONTEXT,
    )
    assert wanted.submission == {
        "model": "gpt-image-2",
        "prompt": "a fox",
        "n": 2,
        "size": "1024x1024",
        "priority": 3,
        "params": {"quality": "high", "safety_identifier": "u1", "frame_count": 3},
    }
    assert (wanted.response_format, wanted.stream) == ("url", False)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"response_format": "png"}, "response_format"),
        ({"stream": 1}, "stream"),
        ({"stream": True, "response_format": "url"}, "response_format"),
    ],
)
def test_faulty_ones_are_named(members: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_request({"model": "m", **members}, CONTEXT)
    assert refused.value.field == field
