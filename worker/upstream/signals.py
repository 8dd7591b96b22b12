"""Which codes and statuses point to which ruling. Order matters: the first match wins."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from worker.upstream.patterns import Patterns, patterns

#: codes and types that decide by themselves, whatever the status
NAMES: Mapping[str, str] = MappingProxyType(
    {
        name: ruling
        for ruling, names in {
            "quota_exhausted": "insufficient_user_quota pre_consume_token_quota_failed insufficient_quota "
            "credit_balance_exhausted billing_hard_limit_reached billing_error quotaexceeded quota_exceeded "
            "insufficient_balance insufficient_credits accountoverdueerror arrearage payment_required "
            "insufficient_balance_error billing_not_active",
            "auth_invalid": "invalid_api_key invalid_authentication authentication_error unauthorized "
            "invalid_token invalidapikey authenticationerror incorrect_api_key unauthenticated "
            "api_key_invalid",
            "auth_expired": "token_expired api_key_expired key_expired",
            "account_blocked": "account_deactivated account_suspended user_banned organization_deactivated",
            "ip_not_allowed": "ip_not_allowed ip_not_authorized ip_forbidden",
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
            "image_parse_error unsupported_image image_too_small",
            "payload_too_large": "payload_too_large request_too_large image_too_large",
            "prompt_too_long": "context_length_exceeded string_above_max_length prompt_too_long",
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
    ("quota_exhausted", r"_(?:spend|usage)_limit_exceeded$"),
    ("moderation_charged", r"^violation_fee\b"),
    ("moderation_output", r"^output\w*(?:sensitive|moderation|safety|risk)"),
    ("moderation_input", r"^(?:input|prompt)\w*(?:sensitive|moderation|safety|risk)"),
    ("moderation", r"sensitive\w*detected$|^content_?policy|safety_violation"),
)

#: the money sentences of vendors; under a relay's ``upstream_error`` they speak of the relay's account
VENDOR_MONEY = re.compile(
    r"exceeded your current quota|insufficient_quota|credit balance|billing (?:hard )?limit|billing details"
    r"|insufficient (?:account )?(?:balance|credits?|quota|funds)",
    re.IGNORECASE,
)
SATURATED = re.compile(r"上游负载已饱和|上游已饱和|负载(?:已)?饱和")
NO_CHANNEL = re.compile(r"无可用(?:的)?渠道|no available channels?", re.IGNORECASE)

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
        408: "timeout",
        413: "payload_too_large",
        414: "prompt_too_long",
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
        529: "upstream_saturated",
        530: "origin_unreachable",
    }
)

#: pages of a firewall
CHALLENGE = re.compile(
    r"just a moment|attention required|cf-challenge|challenge-platform|you have been blocked|captcha"
    r"|access denied|ddos protection",
    re.IGNORECASE,
)
ERROR_PAGE = re.compile(r"<(?:title|h1)>[^<]{0,80}?\b(5\d\d|502|503|504)\b", re.IGNORECASE)
