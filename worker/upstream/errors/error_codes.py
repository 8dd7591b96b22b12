"""Tables of error codes, finish reasons and HTTP statuses: the error kind that each means.

Error kinds are keys of the error catalog.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from worker.upstream.matching import PatternTable, compile_patterns, first_match

#: error codes and types, lower case, that decide regardless of the HTTP status
PROVIDER_CODES: Mapping[str, str] = MappingProxyType(
    {
        code: kind
        for kind, codes in {
            "upstream_lost": "upstream_stream_break upstream_stream_interrupted stream_read_error "
            "stream_disconnected stream_interrupted stream_idle_timeout stream_truncated "
            "upstream_disconnected "
            "upstream_connection_lost connection_reset connection_lost upstream_stream_error "
            "upstream_stream_closed_before_terminal_event err_stream_premature_close econnreset "
            "upstream_stream_closed upstream_disconnect stream_aborted",
            "timeout": "upstream_timeout generation_timeout request_timeout vector_store_timeout",
            "quota_exhausted": "insufficient_user_quota pre_consume_token_quota_failed insufficient_quota "
            "credit_balance_exhausted billing_hard_limit_reached billing_error quotaexceeded quota_exceeded "
            "insufficient_balance insufficient_credits accountoverdueerror arrearage payment_required "
            "insufficient_balance_error billing_not_active insufficient_funds not_enough_credits "
            "user_quota_not_enough insufficient_credit api_key_quota_exhausted key_spend_limit_reached "
            "usage_balance_exhausted subscription_not_found subscription_invalid "
            "allocationquota.freetieronly prepaidbilloverdue postpaidbilloverdue commoditynotpurchased",
            "upstream_quota": "account_pool_usage_limit_reached account_pool_quota_exhausted pool_exhausted "
            "no_available_quota",
            "daily_limit": "daily_limit_exceeded free_tier_budget_exceeded daily_quota_exceeded "
            "usage_limit_reached rate_limit_exceeded_per_day",
            "auth_invalid": "invalid_api_key invalid_authentication authentication_error unauthorized "
            "invalid_token invalidapikey invalid_key access_token_invalid authenticationerror "
            "incorrect_api_key unauthenticated api_key_invalid missing_api_key api_key_required "
            "api_key_not_found "
            "invalid_auth invalid_authentication_error incorrect_api_key_error authentication_failed "
            "authentication_required",
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
            "imagesensitivecontentdetected prompt_moderation illegal_prompt invalid_prompt "
            "image_content_policy_violation ipinfringementsuspect faqruleblocked prompt_rejected "
            "banned_prompt "
            "prompt_blocked_by_moderation sensitive_content",
            "moderation_free": "datainspectionfailed data_inspection_failed",
            "moderation": "moderation_blocked content_policy_violation content_filter prohibited_content "
            "image_prohibited_content responsibleaipolicyviolation content_moderation safety "
            "sensitivecontentdetected blocklist content_blocked unsafe_content",
            "input_image_invalid": "invalid_image_format invalid_image invalid_base64_image "
            "image_parse_error unsupported_image image_too_small invalid_image_file invalid_image_mode "
            "unsupported_image_media_type empty_image_file image_processing_error image_dimension_mismatch "
            "image_decode_error invalidimage invalid_input_image invalidimage.fileformat "
            "invalidparameter.filedownload",
            "input_image_gone": "image_file_not_found",
            "payload_too_large": "entity.too.large payload_too_large request_too_large image_too_large "
            "image_file_too_large file_too_large body_too_large payload_limit_exceeded",
            "prompt_too_long": "context_length_exceeded string_above_max_length prompt_too_long",
            "input_image_unreachable": "invalid_image_url image_download_failed failed_to_download_image",
            "bad_request": "unknown_parameter unsupported_parameter invalid_parameter "
            "missing_required_parameter invalid_value unsupported_value invalid_parameters param_error "
            "invalid_params",
            "upstream_empty": "generation_failed_no_content",
            "upstream_saturated": "overloaded serveroverloaded overloaded_error engine_overloaded "
            "model_overloaded server_overloaded system_busy server_is_overloaded modelserviceunavailable "
            "api_key_auth_overloaded modelserving.error",
            "concurrency_limited": "up_rate_limit concurrency_limit concurrency_limit_exceeded "
            "too_many_concurrent_requests",
            "rate_limited": "requestbursttoofast slow_down rate_limit_exceeded rate_limit_error "
            "too_many_requests ratelimitexceeded throttling throttling.ratequota",
            "no_channel_model": "get_channel_failed no_available_channel",
            "model_not_found": "deploymentnotfound model_not_exist invalid_model modelnotopen modelnotfound "
            "invalidendpointormodel.notfound model_not_available unsupported_model model_unavailable "
            "model_deprecated model_not_supported",
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

#: families of finish reasons, in order: the first match wins
_FINISH_PATTERNS: PatternTable = compile_patterns(
    (
        "moderation_input",
        r"(?:input|prompt).{0,16}(?:safety|filter|moderat|prohibit|sensitive|block|polic|risk)",
    ),
    (
        "moderation_output",
        r"(?:image|output).{0,16}(?:safety|filter|moderat|prohibit|sensitive|block|polic|risk)",
    ),
    (
        "moderation",
        r"safety|filtered|content_filter|moderat|prohibit|sensitive|blocked|polic|nsfw|unsafe|harm",
    ),
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

_CODE_IN_TEXT = re.compile(r"\b(?:[a-z]+(?:[_.][a-z]+)+|[a-z]{16,60})\b", re.ASCII)


def kind_of_finish_reason(reason: str) -> str | None:
    """Return the error kind of a finish reason, known or of a family; ``None`` if it says nothing."""
    reason = reason.strip().lower()
    return FINISH_REASONS.get(reason) or first_match(_FINISH_PATTERNS, reason)


def kind_of_code_in(text: str) -> str | None:
    """Return the error kind of a code within a sentence: a word with underscores or dots, or a long one."""
    codes = (match[0] for match in _CODE_IN_TEXT.finditer(text))
    return next((kind for kind in map(kind_of_code, codes) if kind), None)


def kind_of_code(code: str) -> str | None:
    """Return the error kind of an error code in lower case; ``None`` if it is not known."""
    return PROVIDER_CODES.get(code) or first_match(CODE_PATTERNS, code)
