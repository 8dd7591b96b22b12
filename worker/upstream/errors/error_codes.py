"""Classify an error object: by its error code, then its phrases, then its HTTP status.

The tables map codes, finish reasons and statuses of providers to error kinds (keys of the error catalog).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from worker.upstream.errors.error_phrases import ERROR_PHRASES
from worker.upstream.matching import PatternTable, compile_patterns, first_match, normalize
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject

#: error codes and types, lower case, that decide regardless of the HTTP status
PROVIDER_CODES: Mapping[str, str] = MappingProxyType(
    {
        code: kind
        for kind, codes in {
            "quota_exhausted": "insufficient_user_quota pre_consume_token_quota_failed insufficient_quota "
            "credit_balance_exhausted billing_hard_limit_reached billing_error quotaexceeded quota_exceeded "
            "insufficient_balance insufficient_credits accountoverdueerror arrearage payment_required "
            "insufficient_balance_error billing_not_active insufficient_funds not_enough_credits "
            "user_quota_not_enough",
            "auth_invalid": "invalid_api_key invalid_authentication authentication_error unauthorized "
            "invalid_token invalidapikey invalid_key access_token_invalid authenticationerror "
            "incorrect_api_key unauthenticated api_key_invalid",
            "upstream_auth": "channel:invalid_key",
            "auth_expired": "token_expired api_key_expired key_expired",
            "account_blocked": "account_deactivated account_suspended user_banned organization_deactivated",
            "ip_not_allowed": "ip_not_allowed ip_not_authorized ip_forbidden "
            "unsupported_country_region_territory",
            "waf_blocked": "access_denied_by_waf",
            "moderation_charged": "violation_fee.grok.csam",
            "moderation_output": "outputimagesensitivecontentdetected outputvideosensitivecontentdetected "
            "outputtextsensitivecontentdetected output_moderation image_safety output_blocked",
            "moderation_input": "inputtextsensitivecontentdetected inputimagesensitivecontentdetected "
            "prompt_blocked sensitive_words_detected input_moderation textsensitivecontentdetected "
            "imagesensitivecontentdetected prompt_moderation",
            "moderation_free": "datainspectionfailed data_inspection_failed",
            "moderation": "moderation_blocked content_policy_violation content_filter prohibited_content "
            "image_prohibited_content responsibleaipolicyviolation content_moderation safety "
            "sensitivecontentdetected blocklist content_blocked unsafe_content",
            "input_image_invalid": "invalid_image_format invalid_image invalid_base64_image "
            "image_parse_error unsupported_image image_too_small invalid_image_file",
            "payload_too_large": "entity.too.large payload_too_large request_too_large image_too_large",
            "prompt_too_long": "context_length_exceeded string_above_max_length prompt_too_long",
            "input_image_unreachable": "invalid_image_url image_download_failed",
            "bad_request": "unknown_parameter unsupported_parameter invalid_parameter "
            "missing_required_parameter invalid_value unsupported_value",
            "upstream_saturated": "overloaded serveroverloaded overloaded_error engine_overloaded "
            "model_overloaded server_overloaded system_busy",
            "concurrency_limited": "up_rate_limit concurrency_limit concurrency_limit_exceeded "
            "too_many_concurrent_requests",
            "rate_limited": "requestbursttoofast slow_down rate_limit_exceeded rate_limit_error "
            "too_many_requests ratelimitexceeded throttling throttling.ratequota",
            "no_channel_model": "get_channel_failed no_available_channel",
            "model_not_found": "deploymentnotfound model_not_exist invalid_model modelnotopen modelnotfound "
            "invalidendpointormodel.notfound model_not_available",
            "not_implemented": "not_implemented unsupported_operation",
        }.items()
        for code in codes.split()
    }
)

#: families of codes, in order: the first match wins
CODE_PATTERNS: PatternTable = compile_patterns(
    (
        "quota_exhausted",
        r"_(?:spend|usage)_limit_exceeded$|exceeded_current_quota",
        r"^resource(?:unavailable|insufficient)\.(?:inarrears|lowbalance|chargeresourceexhaust|notenough)",
    ),
    ("auth_invalid", r"^(?:authfailure|invalidaccesskeyid|signaturedoesnotmatch)\b"),
    ("concurrency_limited", r"^requestlimitexceeded\.jobnum|^concurrency\w*limit"),
    ("moderation_charged", r"^violation_fee\b"),
    (
        "rate_limited",
        r"^ratelimitexceeded\.|^requestlimitexceeded\b|(?:rpm|tpm|ipm|rate)_?limit_?exceeded$|^throttling\b",
    ),
    ("moderation_input", r"\.textillegaldetected$"),
    ("moderation_output", r"^content moderated$|^output\w*(?:sensitive|moderation|safety|risk)"),
    ("moderation_input", r"^request moderated$|^(?:input|prompt)\w*(?:sensitive|moderation|safety|risk)"),
    ("moderation", r"(?:sensitive|illegal)\w*detected\b|^content_?policy|safety_violation"),
)

#: finish reasons, lower case
FINISH_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "content_filter": "moderation",
        "image_safety": "moderation_output",
        "image_prohibited_content": "moderation",
        "prohibited_content": "moderation",
        "image_recitation": "moderation_output",
        "safety": "moderation",
        "spii": "moderation",
        "blocklist": "moderation_input",
        "refusal": "refusal",
        "recitation": "moderation_output",
        "image_other": "no_image",
        "other": "no_image",
        "malformed_function_call": "no_image",
        "no_image": "no_image",
        "error": "upstream_error",
        "length": "stream_truncated",
        "max_tokens": "stream_truncated",
    }
)

#: HTTP statuses, used when neither a code nor a phrase decides
HTTP_STATUSES: Mapping[int, str] = MappingProxyType(
    {
        400: "bad_request",
        401: "auth_invalid",
        402: "quota_exhausted",
        403: "permission_denied",
        404: "wrong_endpoint",
        405: "wrong_endpoint",
        407: "waf_blocked",
        408: "timeout",
        413: "payload_too_large",
        414: "prompt_too_long",
        425: "upstream_saturated",
        429: "rate_limited",
        451: "moderation",
        499: "connection_lost",
        500: "upstream_error",
        501: "not_implemented",
        502: "upstream_error",
        503: "upstream_saturated",
        504: "gateway_timeout",
        520: "gateway_timeout",
        521: "origin_unreachable",
        522: "origin_unreachable",
        523: "origin_unreachable",
        524: "gateway_timeout",
        525: "origin_unreachable",
        526: "origin_unreachable",
        527: "origin_unreachable",
        529: "upstream_saturated",
        530: "origin_unreachable",
        598: "gateway_timeout",
        599: "gateway_timeout",
    }
)

#: phrases, for normalised text, which say that the relay's own account at its vendor is empty
RELAY_ACCOUNT_EMPTY = re.compile(
    r"上游.{0,8}(?:余额|额度不足|欠费)|no available image quota"
    r"|upstream account.{0,24}(?:balance|quota|credit)"
)
#: phrases about an empty account; whether it is ours or the relay's, the rest of the error decides
_ACCOUNT_EMPTY = re.compile(
    r"exceeded your current quota|insufficient_quota|credit balance|billing (?:hard )?limit|billing details"
    r"|insufficient (?:account )?(?:balance|credits?|quota|funds)|余额不足|欠费"
    r"|(?:balance|credits?) (?:is |are )?(?:insufficient|not enough|exhausted|depleted)"
)
#: of these, phrases which only vendors of models use
_VENDOR_ACCOUNT_EMPTY = re.compile(
    r"exceeded your current quota|credit balance is too low|billing (?:hard )?limit|billing details"
)
#: codes of relays for their own customers: the account is ours, regardless of the message
_OWN_ACCOUNT_CODES = frozenset({"insufficient_user_quota", "pre_consume_token_quota_failed"})
#: request id which relays append to messages that they pass on
_REQUEST_ID_SUFFIX = re.compile(r"\((?:request id|traceid|tid)\s*[:：]|（(?:request id|traceid|tid)\s*[:：]")
_RELAY_CODE = re.compile(r"^\w+_(?:api|hub)_error$")
#: Google's phrases for a limit per minute or per day
_GOOGLE_QUOTA = re.compile(
    r"quota exceeded for (?:quota )?(?:metric|\S*googleapis)|resource (?:has been )?exhausted"
)
_SATURATED = re.compile(r"负载(?:已)?饱和|上游(?:已)?饱和|load is saturated")
_NO_CHANNEL = re.compile(r"无可用(?:的)?渠道|no available channels?|no channels? (?:is |are )?available")
_TIMED_OUT = re.compile(r"timeout|timed out|time-out|deadline exceeded|超时|逾时")
_STATUS_IN_TEXT = re.compile(
    r"(?:status|error|http)(?:[ _]code)?\s?[:=]?\s?\(?([45]\d\d)\b|状态码\s?[:：]?\s?([45]\d\d)\b"
)
_CODE_IN_TEXT = re.compile(r"\b(?:[a-z]+(?:[_.][a-z]+)+|[a-z]{16,60})\b", re.ASCII)
_PER_DAY = re.compile(r"per[ _-]?day", re.IGNORECASE)

#: kinds about a key, where the key is the relay's and not ours
_RELAY_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "auth_invalid": "upstream_auth",
        "auth_expired": "upstream_auth",
        "account_blocked": "upstream_auth",
    }
)
#: the same, where only the status was known
_RELAY_STATUS_KINDS: Mapping[str, str] = MappingProxyType(
    {
        **_RELAY_KINDS,
        "permission_denied": "upstream_auth",
        "wrong_endpoint": "upstream_auth",
        "quota_exhausted": "upstream_quota",
    }
)
#: kinds that phrases make more precise
_REFINEMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rate_limited": ("daily_limit", "concurrency_limited"),
        "auth_invalid": ("auth_expired", "ip_not_allowed"),
        "input_image_unreachable": ("input_image_gone",),
    }
)


def kind_of_error(answer: Answer, status: int | None) -> str:
    """Return the error kind of the error object of ``answer``; ``status`` is the HTTP status."""
    error = answer.error or ErrorObject()
    error_status = status if status is not None and status >= 400 else None
    text = normalize(f"{error.message} {' '.join(error.names)}")
    if kind := _google_quota(error, text) or _relay_quota(error, text):
        return kind
    from_upstream = _is_from_upstream(error, text)
    kind = _kind_of_names(error, text, error_status or error.status)
    kind = kind or first_match(ERROR_PHRASES, text) or kind_of_code_in(text)
    if kind == "no_channel_model" and (error_status or error.status) == 404:
        return "model_not_found"  # no outage: there is no such model
    if kind:
        return _RELAY_KINDS.get(kind, kind) if from_upstream else kind
    kind = _kind_of_status(answer, error, text, error_status)
    return _RELAY_STATUS_KINDS.get(kind, kind) if from_upstream else kind


def kind_of_code_in(text: str) -> str | None:
    """Return the error kind of a code within a sentence: a word with underscores or dots, or a long one."""
    codes = (match[0] for match in _CODE_IN_TEXT.finditer(text))
    return next((kind for kind in map(_kind_of_code, codes) if kind), None)


def _kind_of_code(code: str) -> str | None:
    return PROVIDER_CODES.get(code) or first_match(CODE_PATTERNS, code)


def _google_quota(error: ErrorObject, text: str) -> str | None:
    """Classify Google's quota errors: a message about billing means a limit per minute or per day."""
    details = str([layer.get("details") for layer in error.layers])
    if "resource_exhausted" in error.names or "quotaId" in details or _GOOGLE_QUOTA.search(text):
        return "daily_limit" if _PER_DAY.search(details) or _PER_DAY.search(text) else "rate_limited"
    return None


def _relay_quota(error: ErrorObject, text: str) -> str | None:
    """Return ``upstream_quota`` if the empty account is the relay's: the same phrase may mean ours."""
    if RELAY_ACCOUNT_EMPTY.search(text):
        return "upstream_quota"
    if not (_ACCOUNT_EMPTY.search(text) or "insufficient_quota" in error.names):
        return None
    if _OWN_ACCOUNT_CODES & set(error.names):
        return None
    if _is_from_upstream(error, text) or _SATURATED.search(text):
        return "upstream_quota"
    passed_on = _REQUEST_ID_SUFFIX.search(text) or any(_RELAY_CODE.search(name) for name in error.names)
    return "upstream_quota" if passed_on and _VENDOR_ACCOUNT_EMPTY.search(text) else None


def _is_from_upstream(error: ErrorObject, text: str) -> bool:
    """Return whether the relay passes on an error of its upstream, instead of one about our request."""
    return error.wrapped or "upstream_error" in error.names or "bad response status code" in text


def _kind_of_names(error: ErrorObject, text: str, status: int | None) -> str | None:
    for name in error.names:
        if name == "model_not_found":
            no_channel = status == 503 or (status != 404 and _NO_CHANNEL.search(text) is not None)
            return "no_channel_model" if no_channel else "model_not_found"
        if kind := _kind_of_code(name):
            return _refined(kind, text)
    return None


def _refined(kind: str, text: str) -> str:
    """Return a more precise kind, if a phrase of the error points to one."""
    precise = _REFINEMENTS.get(kind, ())
    return next((name for pattern, name in ERROR_PHRASES if name in precise and pattern.search(text)), kind)


def _kind_of_status(answer: Answer, error: ErrorObject, text: str, status: int | None) -> str:
    """Classify by a status: one in place of a code outranks one in the text, and both the HTTP status."""
    in_text = _STATUS_IN_TEXT.search(text)
    number = error.status or (int(in_text[1] or in_text[2]) if in_text else None) or status
    if answer.streamed and status is None:
        return _kind_in_stream(answer, number)
    kind = _kind_of_number(number) if number else "upstream_error"
    return "timeout" if _TIMED_OUT.search(text) and kind in ("bad_request", "upstream_error") else kind


def _kind_of_number(status: int) -> str:
    return HTTP_STATUSES.get(status) or ("bad_request" if status < 500 else "upstream_error")


def _kind_in_stream(answer: Answer, status: int | None) -> str:
    """Classify an error within an accepted stream: unless it names its cause, an image may have been made."""
    orderly = any(reason.lower() == "error" for reason in answer.finish_reasons)
    if orderly or status in (502, 503, 529):
        return "upstream_error"
    return HTTP_STATUSES[status] if status in (401, 402, 403, 413, 429) else "stream_error"
