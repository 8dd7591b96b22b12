"""Numeric error codes of vendors, each known by the shape of its body, and the error kind each means.

A number alone says nothing: ``1002`` is a rate limit of MiniMax and a refused key of Zhipu.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from worker.upstream.parsing.error_object import ErrorObject


@dataclass(frozen=True, slots=True)
class VendorCodes:
    """Codes of one vendor: its name, where they are documented, and their kinds."""

    vendor: str
    source: str
    kinds: Mapping[int, str]


def _codes(**numbers: str) -> Mapping[int, str]:
    kinds = {int(number): kind for kind, listed in numbers.items() for number in listed.split()}
    return MappingProxyType(kinds)


#: ``base_resp.status_code``
MINIMAX = VendorCodes(
    "MiniMax",
    "https://platform.minimax.io/docs/api-reference/errorcode.md",
    _codes(
        upstream_error="1000 1013 1024 1033",
        timeout="1001",
        rate_limited="1002 1039 2045",
        auth_invalid="1004 2049",
        quota_exhausted="1008",
        moderation_input="1026",
        moderation_output="1027",
        concurrency_limited="1041",
        bad_request="1042 2013 20132",
        daily_limit="2056",
    ),
)
#: ``error.code``, four digits as a text
ZHIPU = VendorCodes(
    "Zhipu",
    "https://docs.bigmodel.cn/cn/api/api-code",
    _codes(
        auth_invalid="1000 1001 1002 1004",
        auth_expired="1003",
        account_blocked="1110 1111 1112 1121",
        quota_exhausted="1113 1309",
        upstream_error="1120 1230 1234",
        bad_request="1210 1213 1214 1215 1231",
        model_not_found="1211 1221 1222",
        not_implemented="1212",
        permission_model="1220 1311",
        prompt_too_long="1261",
        moderation="1300 1301",
        concurrency_limited="1302",
        rate_limited="1303 1313",
        daily_limit_model="1304",
        upstream_saturated="1305 1312",
        daily_limit="1308 1310",
    ),
)
#: top-level ``code``, negative
JIMENG_API = VendorCodes(
    "jimeng-api and its siblings",
    "https://github.com/iptag/jimeng-api (src/api/consts/exceptions.ts)",
    _codes(
        bad_request="-2000",
        auth_expired="-2002",
        input_image_invalid="-2003",
        payload_too_large="-2004",
        concurrency_limited="-2005",
        moderation="-2006",
        quota_exhausted="-2009",
    ),
)
#: a number after ``错误码`` in a message of the same: the site's own ``ret`` or ``fail_code``
JIMENG_WEB = VendorCodes(
    "jimeng (web)",
    "https://github.com/iptag/jimeng-api (src/lib/error-handler.ts, issues 10, 84, 110, 126, 159), "
    "https://github.com/wwwzhouhui/jimeng-free-api-all (src/api/controllers, issue 33)",
    _codes(
        bad_request="34010100 4002",
        auth_expired="34010105 1015",
        quota_exhausted="5000 1006",
        moderation_input="2038 2047 4001",
        permission_denied="3018",
        upstream_saturated="1014",
        upstream_error="1017 4013 5001 5002",
    ),
)
#: top-level ``code``, 50,000 to 50,999
VOLCENGINE_VISUAL = VendorCodes(
    "Volcengine Visual",
    "https://www.volcengine.com/docs/85621 (business error codes of each interface), "
    "https://www.volcengine.com/docs/6444/69728 (general ones)",
    _codes(
        bad_request="50215",
        moderation_input="50411 50412 50413 50518",
        moderation_output="50511 50512 50516 50517 50519",
        rate_limited="50429",
        concurrency_limited="50430",
        permission_denied="50400",
        upstream_error="50500 50501 50520 50521 50522",  # the last three: its moderation service failed
    ),
)
#: top-level ``code`` beside ``msg``
KIE = VendorCodes(
    "kie.ai",
    "https://docs.kie.ai (response codes of Flux Kontext and 4o Image)",
    _codes(  # the others are HTTP statuses
        input_image_unreachable="451",
        maintenance="455",
        upstream_error="501",
        not_implemented="505",
        upstream_saturated="550",
    ),
)
VENDORS = (MINIMAX, ZHIPU, JIMENG_API, JIMENG_WEB, VOLCENGINE_VISUAL, KIE)

_WEB_CODE = re.compile(r"(?:错误码|\bret)\s*[:：=]\s*(\d{4,9})")
_FOUR_DIGITS = re.compile(r"1\d{3}")


def find_vendor_code(error: ErrorObject, text: str) -> tuple[str, str] | None:
    """Return the error kind of a vendor's number, and the rule: its vendor and number."""
    for vendor, number in _numbers(error, text):
        if kind := vendor.kinds.get(number):
            return kind, f"code {number} of {vendor.vendor}"
    return None


def _numbers(error: ErrorObject, text: str) -> list[tuple[VendorCodes, int]]:
    found = list[tuple[VendorCodes, int]]()
    body: Mapping[str, Any] = error.layers[-1] if error.layers else {}
    for layer in error.layers:
        base, code = layer.get("base_resp"), layer.get("code")
        if isinstance(base, dict) and type(base.get("status_code")) is int:
            found.append((MINIMAX, base["status_code"]))
        if isinstance(code, str) and _FOUR_DIGITS.fullmatch(code):
            found.append((ZHIPU, int(code)))
    code = body.get("code")
    if match := _WEB_CODE.search(text):
        found.append((JIMENG_WEB, int(match[1])))
    if type(code) is int and code < 0:
        found.append((JIMENG_API, code))
    elif type(code) is int and 50_000 <= code < 51_000:
        found.append((VOLCENGINE_VISUAL, code))
    elif type(code) is int and isinstance(body.get("msg"), str) and "error" not in body:
        found.append((KIE, code))
    return found
