"""A number is a code of the vendor whose shape its body has."""

from typing import Any

import pytest

from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.vendor_codes import VENDORS, VendorCodes, find_vendor_code
from worker.upstream.parsing.error_object import find_error


def kind(body: dict[str, Any]) -> str | None:
    error = find_error(body)
    assert error is not None
    found = find_vendor_code(error, error.message)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"base_resp": {"status_code": 1002, "status_msg": "x"}}, "rate_limited"),
        ({"error": {"code": "1002", "message": "x"}}, "auth_invalid"),
        ({"error": {"code": 1002, "message": "x"}}, None),
        ({"code": -2006, "message": "x", "data": None}, "moderation"),
        ({"code": -2001, "message": "[请求失败]: x (错误码: 34010100)", "data": None}, "bad_request"),
        ({"code": -2007, "message": "图像生成失败，状态码: 30，错误码: 2038"}, "moderation_input"),
        ({"code": 50411, "message": "x"}, "moderation_input"),
        ({"code": 50518, "message": "Pre Img Risk Not Pass: Copyright"}, "moderation_input"),
        ({"code": 50520, "message": "Risk Internal Error"}, "upstream_error"),
        ({"code": 451, "msg": "Failed to fetch the image", "data": None}, "input_image_unreachable"),
        ({"code": 455, "msg": "x", "data": None}, "maintenance"),
        ({"code": 455, "message": "x"}, None),
    ],
)
def test_the_shape_tells_the_vendor(body: dict[str, Any], expected: str | None) -> None:
    assert kind(body) == expected


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.vendor)
def test_every_code_points_to_an_error_kind_and_every_table_to_its_source(vendor: VendorCodes) -> None:
    assert set(vendor.kinds.values()) <= set(ERROR_CATALOG)
    assert vendor.source.startswith("https://")
