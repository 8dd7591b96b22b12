"""Which codes and statuses point to which ruling. Order matters: the first match wins."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from worker.upstream.errors.error_phrases import ERROR_PHRASES
from worker.upstream.matching import PatternTable, compile_patterns, first_match, normalize
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject

#: codes and types that decide by themselves, whatever the status
NAMES: Mapping[str, str] = MappingProxyType(
    {
        name: kind
        for kind, names in {
            "quota_exhausted": "insufficient_user_quota pre_consume_token_quota_failed insufficient_quota "
            "credit_balance_exhausted billing_hard_limit_reached billing_error quotaexceeded quota_exceeded "
            "insufficient_balance insufficient_credits accountoverdueerror arrearage payment_required "
            "insufficient_balance_error billing_not_active insufficient_funds not_enough_credits "
            "user_quota_not_enough",
            "auth_invalid": "invalid_api_key invalid_authentication authentication_error unauthorized "
            "invalid_token invalidapikey invalid_key access_token_invalid "
            "authenticationerror incorrect_api_key unauthenticated "
            "api_key_invalid",
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
        for name in names.split()
    }
)

#: families of codes
NAME_PATTERNS: PatternTable = compile_patterns(
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
    (
        "moderation",
        r"(?:sensitive|illegal)\w*detected\b|^content_?policy|safety_violation",
    ),
)

#: sentences about an empty account; whose it is, the rest of the error tells. All for ``plain`` texts
VENDOR_MONEY = re.compile(
    r"exceeded your current quota|insufficient_quota|credit balance|billing (?:hard )?limit|billing details"
    r"|insufficient (?:account )?(?:balance|credits?|quota|funds)|余额不足|欠费"
    r"|(?:balance|credits?) (?:is |are )?(?:insufficient|not enough|exhausted|depleted)"
)
#: codes of the relay for its own customers: the account is ours, whatever stands beside them
OWN_MONEY = frozenset({"insufficient_user_quota", "pre_consume_token_quota_failed"})
#: of them, those that only the vendors of models use
VENDORS_SENTENCE = re.compile(
    r"exceeded your current quota|credit balance is too low|billing (?:hard )?limit|billing details"
)
#: what relays add to sentences that they pass on
PASSED_ON = re.compile(r"\((?:request id|traceid|tid)\s*[:：]|（(?:request id|traceid|tid)\s*[:：]")
RELAYS = re.compile(r"^\w+_(?:api|hub)_error$")
#: said of the relay's account outright
RELAYS_MONEY = re.compile(
    r"上游.{0,8}(?:余额|额度不足|欠费)|no available image quota"
    r"|upstream account.{0,24}(?:balance|quota|credit)"
)
#: Google's words for a limit per minute or per day
BY_METRIC = re.compile(
    r"quota exceeded for (?:quota )?(?:metric|\S*googleapis)|resource (?:has been )?exhausted"
)
SATURATED = re.compile(r"负载(?:已)?饱和|上游(?:已)?饱和|load is saturated")
NO_CHANNEL = re.compile(r"无可用(?:的)?渠道|no available channels?|no channels? (?:is |are )?available")

#: finish reasons, lower case
FINISHES: Mapping[str, str] = MappingProxyType(
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

#: HTTP statuses, when nothing else tells
STATUSES: Mapping[int, str] = MappingProxyType(
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


# Names the ruling for an error object: by its code, then its words, then its status.

_TIMED_OUT = re.compile(r"timeout|timed out|time-out|deadline exceeded|超时|逾时")
_STATUS = re.compile(
    r"(?:status|error|http)(?:[ _]code)?\s?[:=]?\s?\(?([45]\d\d)\b|状态码\s?[:：]?\s?([45]\d\d)\b"
)
_CODE = re.compile(r"\b(?:[a-z]+(?:[_.][a-z]+)+|[a-z]{16,60})\b", re.ASCII)
_DAY = re.compile(r"per[ _-]?day", re.IGNORECASE)

#: rulings on a key, when the key is the relay's and not ours
_RELAYS_OWN: Mapping[str, str] = MappingProxyType(
    {
        "auth_invalid": "upstream_auth",
        "auth_expired": "upstream_auth",
        "account_blocked": "upstream_auth",
    }
)
#: the same, when nothing but a status tells
_RELAYS_STATUS: Mapping[str, str] = MappingProxyType(
    {
        **_RELAYS_OWN,
        "permission_denied": "upstream_auth",
        "wrong_endpoint": "upstream_auth",
        "quota_exhausted": "upstream_quota",
    }
)


def name_of_error(answer: Answer, status: int | None) -> str:
    """Return the name of the ruling for the fault of ``answer``; ``status`` is the HTTP status."""
    error = answer.error or ErrorObject()
    failing = status if status is not None and status >= 400 else None
    words = normalize(f"{error.message} {' '.join(error.names)}")
    if name := _by_metric(error, words) or _by_money(error, words):
        return name
    behind = _is_behind(error, words)
    name = _by_name(error, words, failing or error.status)
    name = name or first_match(ERROR_PHRASES, words) or code_in(words)
    if name == "no_channel_model" and (failing or error.status) == 404:
        return "model_not_found"  # nobody is away: there is no such model
    if name:
        return _RELAYS_OWN.get(name, name) if behind else name
    name = _by_status(answer, error, words, failing)
    return _RELAYS_STATUS.get(name, name) if behind else name


def _by_metric(error: ErrorObject, words: str) -> str | None:
    """Read Google's quotas: their sentence about money speaks of a limit per minute or per day."""
    details = str([layer.get("details") for layer in error.layers])
    if "resource_exhausted" in error.names or "quotaId" in details or BY_METRIC.search(words):
        return "daily_limit" if _DAY.search(details) or _DAY.search(words) else "rate_limited"
    return None


def _by_money(error: ErrorObject, words: str) -> str | None:
    """Tell whose account is empty: the same sentence means ours, or that of the relay."""
    if RELAYS_MONEY.search(words):
        return "upstream_quota"
    if not (VENDOR_MONEY.search(words) or "insufficient_quota" in error.names) or OWN_MONEY & set(
        error.names
    ):
        return None
    if _is_behind(error, words) or SATURATED.search(words):
        return "upstream_quota"
    signed = PASSED_ON.search(words) or any(RELAYS.search(name) for name in error.names)
    return "upstream_quota" if signed and VENDORS_SENTENCE.search(words) else None


def _is_behind(error: ErrorObject, words: str) -> bool:
    """Tell whether the fault is one that the relay met, and not one that it found with us."""
    return error.wrapped or "upstream_error" in error.names or "bad response status code" in words


def _by_name(error: ErrorObject, words: str, status: int | None) -> str | None:
    for name in error.names:
        if name == "model_not_found":
            busy = status == 503 or (status != 404 and NO_CHANNEL.search(words) is not None)
            return "no_channel_model" if busy else "model_not_found"
        if kind := NAMES.get(name) or first_match(NAME_PATTERNS, name):
            return _refined(kind, words)
    return None


def code_in(words: str) -> str | None:
    """Return the ruling of a code that stands in a sentence: a word that no language has."""
    codes = (match[0] for match in _CODE.finditer(words))
    rulings = (NAMES.get(code) or first_match(NAME_PATTERNS, code) for code in codes)
    return next((kind for kind in rulings if kind), None)


def _refined(kind: str, words: str) -> str:
    """Let words make a broad code precise, where they can."""
    precise = {
        "rate_limited": ("daily_limit", "concurrency_limited"),
        "auth_invalid": ("auth_expired", "ip_not_allowed"),
        "input_image_unreachable": ("input_image_gone",),
    }.get(kind, ())
    return next((name for pattern, name in ERROR_PHRASES if name in precise and pattern.search(words)), kind)


def _by_status(answer: Answer, error: ErrorObject, words: str, status: int | None) -> str:
    """Judge by a number: one in the place of a code outranks one in a sentence, and both the HTTP status."""
    spoken = _STATUS.search(words)
    number = error.status or (int(spoken[1] or spoken[2]) if spoken else None) or status
    if answer.streamed and status is None:
        return _in_stream(answer, number)
    known = _of_status(number) if number else "upstream_error"
    return "timeout" if _TIMED_OUT.search(words) and known in ("bad_request", "upstream_error") else known


def _of_status(number: int) -> str:
    return STATUSES.get(number) or ("bad_request" if number < 500 else "upstream_error")


def _in_stream(answer: Answer, number: int | None) -> str:
    """Judge an error after the request was accepted: unless it explains itself, a picture may be lost."""
    orderly = any(reason.lower() == "error" for reason in answer.finish_reasons)
    if orderly or number in (502, 503, 529):
        return "upstream_error"
    return STATUSES[number] if number in (401, 402, 403, 413, 429) else "stream_error"
