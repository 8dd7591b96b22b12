"""Expectations: what a request says of size, ratio and transparency, and nothing that it does not say."""

from typing import Any

import pytest

from worker.checks.expectations import ratio_differs, size_differs, wants_transparency


@pytest.mark.parametrize(
    ("size", "width", "height", "wrong_size", "wrong_ratio"),
    [
        ("1024x1024", 1024, 1024, False, False),
        ("1024x1024", 1254, 1254, True, False),
        ("1024x1536", 1536, 1024, True, True),
        ("2:3", 1024, 1536, None, False),
        ("16:9", 1376, 768, None, False),  # rounded to multiples of 32
        ("16:9", 1024, 1024, None, True),
        ("2K", 100, 7, None, None),
        ("auto", 100, 7, None, None),
        (None, 100, 7, None, None),
        ("odd", 100, 7, None, None),
        ("1024x1024", None, None, None, None),
    ],
)
def test_sizes_and_ratios(
    size: str | None,
    width: int | None,
    height: int | None,
    wrong_size: bool | None,
    wrong_ratio: bool | None,
) -> None:
    request = {"size": size}
    assert size_differs(request, width, height) is wrong_size
    assert ratio_differs(request, width, height) is wrong_ratio


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ({"params": {"background": "transparent"}}, True),
        ({"params": {"background": "opaque"}}, False),
        ({"params": None}, False),
        ({}, False),
    ],
)
def test_transparency_is_asked_for_by_the_parameter_of_the_images_api(
    request_: dict[str, Any], wanted: bool
) -> None:
    assert wants_transparency(request_) is wanted
