"""Which codes and statuses point to which ruling. Order matters: the first match wins."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from worker.upstream.matching import Patterns, patterns

#: codes and types that decide by themselves, whatever the status
NAMES: Mapping[str, str] = MappingProxyType(
    {
        name: ruling
        for ruling, names in {
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
NAME_PATTERNS: Patterns = patterns(
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
