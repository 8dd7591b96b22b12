"""The size of a job, where each family of providers reads it."""

import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.channels import SizeStyle
from models.errors import InvalidRequest
from worker.upstream.sizes import SizeRequest, size_request

STYLES = typing.get_args(SizeStyle)


@pytest.mark.parametrize(
    ("style", "size", "members"),
    [
        ("size", "1024x1536", {"size": "1024x1536"}),
        ("size", "2:3", {"aspect_ratio": "2:3"}),
        ("size", "2K", {"size": "2K"}),
        ("size", "auto", {"size": "auto"}),
        ("aspect_ratio", "1024x1536", {"aspect_ratio": "2:3"}),
        ("aspect_ratio", "4K", {"image_size": "4K"}),
        ("image_config", "16:9", {"image_config": {"aspect_ratio": "16:9"}}),
        ("image_config", "2K", {"image_config": {"image_size": "2K"}}),
        ("imageConfig", "1792x1024", {"generationConfig": {"imageConfig": {"aspectRatio": "7:4"}}}),
        ("imageConfig", "2K", {"generationConfig": {"imageConfig": {"imageSize": "2K"}}}),
    ],
)
def test_a_size_is_a_member_where_the_family_reads_it(
    style: SizeStyle, size: str, members: dict[str, Any]
) -> None:
    assert size_request(size, style) == SizeRequest(members)


def test_a_size_may_be_words_of_the_prompt_or_of_the_system_message() -> None:
    assert size_request("1024x1536", "prompt") == SizeRequest(suffix="【2:3】")
    assert size_request("2K", "prompt") == SizeRequest(suffix="【2K】")
    assert size_request("1024x1536", "system") == SizeRequest(system="aspect_ratio=2:3")


@pytest.mark.parametrize("style", STYLES)
def test_no_size_asks_for_nothing(style: SizeStyle) -> None:
    assert size_request(None, style) == SizeRequest()


@given(size=st.sampled_from(["1024x1536", "2:3", "4K", "auto"]))
def test_a_family_that_knows_no_sizes_is_not_asked_for_one(size: str) -> None:
    assert size_request(size, "none") == SizeRequest()


def test_a_size_that_the_channel_lacks_becomes_one_of_the_same_ratio() -> None:
    known = ("1024x1024", "1024x1536", "auto")
    assert size_request("2:3", "size", known).members == {"size": "1024x1536"}
    assert size_request("512x512", "size", known).members == {"size": "1024x1024"}
    assert size_request("auto", "size", known).members == {"size": "auto"}
    with pytest.raises(InvalidRequest, match=r"no size 16:9; it has 1024x1024, 1024x1536, auto"):
        size_request("16:9", "size", known)


def test_a_size_that_an_earlier_version_stored_in_another_form_is_refused_in_words() -> None:
    with pytest.raises(InvalidRequest, match="size: write WIDTHxHEIGHT"):
        size_request("large", "size")
