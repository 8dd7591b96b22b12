"""Error objects of relays and vendors, in their many shapes, are classified by their content."""

import json
from typing import Any

import pytest

from tests.worker.upstream.bodies import REQUEST_ID, chat_body, classified, error, summary

RELAYS = ("new_api_error", "one_api_error", "one_hub_error", "shell_api_error")
MONEY = "You exceeded your current quota, please check your plan and billing details."
EMPTY, THEIRS = "needs_human quota_exhausted key", "retry upstream_quota provider"


@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 429, 500, 503])
@pytest.mark.parametrize("relay", RELAYS)
def test_a_code_outranks_a_remapped_status(relay: str, status: int) -> None:
    body = error("用户额度不足, 剩余额度: ＄0.00" + REQUEST_ID, type=relay, code="insufficient_user_quota")
    assert summary(classified(status, body)) == EMPTY
    assert (
        summary(classified(status, error("x", type=relay, code="moderation_blocked")))
        == "permanent moderation"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, error(MONEY, type="insufficient_quota", code="insufficient_quota")),
        (429, error(MONEY, type="insufficient_quota", code=None)),
        (
            400,
            error(
                "Your credit balance is too low to access the Anthropic API.", type="invalid_request_error"
            ),
        ),
        (402, error("Insufficient Balance", type="unknown_error", code="invalid_request_error")),
        (429, error("suspended, please check your plan", type="exceeded_current_quota_error")),
        (429, error("Project usage limit reached.", code="project_usage_limit_exceeded")),
        (429, {"code": "x", "error": "Your team has reached its monthly spending limit."}),
        (403, {"code": "AccountOverdueError", "message": "Your account has an overdue balance."}),
        (400, {"code": "Arrearage", "message": "Access denied, make sure your account is in good standing."}),
        (403, {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}),
        (403, error("pre-consume token quota failed, token remain quota: $0.01", type="new_api_error")),
        (403, error("预扣费额度失败, 用户剩余额度: ＄0.001", type="new_api_error")),
        (401, error("该令牌额度已用尽 TokenStatusExhausted[sk-***]", type="one_api_error")),
        (402, {"code": 402, "msg": "帳戶餘額不足，請儲值後再試"}),
        (403, {"message": "余额不足"}),
        (402, error("残高が不足しています。チャージしてください。")),
        (200, {"code": -1, "msg": "积分不足，请购买积分"}),
        (200, {"error": "user balance not enough"}),
        (200, {"error": True, "message": "余额不足"}),
        (200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
        (200, chat_body(json.dumps(error("x", code="insufficient_user_quota")))),
    ],
)
def test_an_empty_account_is_ours_if_the_vendor_or_the_relay_itself_reports_it(
    status: int, body: object
) -> None:
    assert summary(classified(status, body)) == EMPTY
    assert classified(status, body).billed == "no"


@pytest.mark.parametrize(
    "body",
    [
        error(MONEY, type="upstream_error", code="insufficient_quota"),
        error(MONEY + REQUEST_ID, type="insufficient_quota", code="insufficient_quota"),
        error(MONEY, type="new_api_error", code="insufficient_quota"),
        error("当前分组上游负载已饱和" + REQUEST_ID, type="insufficient_quota", code="insufficient_quota"),
        error("上游账户余额不足", type="new_api_error"),
        {"error": "upstream error: " + MONEY, "type": "upstream_error"},
        {"detail": {"error": "no available image quota"}},
        error(
            "Provider returned error",
            code=429,
            metadata={"provider_name": "X", "raw": json.dumps(error(MONEY))},
        ),
    ],
)
def test_an_empty_account_is_the_relays_when_it_passes_the_sentence_on(body: object) -> None:
    for status in (403, 429, 500):
        assert summary(classified(status, body)) == THEIRS


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, error("未提供令牌", type="new_api_error"), "auth_invalid key"),
        (200, error("無效的令牌", type="one_api_error"), "auth_invalid key"),
        (401, {"detail": "Not authenticated"}, "auth_invalid key"),
        (400, error("API key not valid.", details=[{"reason": "API_KEY_INVALID"}]), "auth_invalid key"),
        (200, {"base_resp": {"status_code": 1004, "status_msg": "login fail: no key"}}, "auth_invalid key"),
        (200, {"errcode": 40001, "errmsg": "invalid api key"}, "auth_invalid key"),
        (400, error("API key expired.", details=[{"reason": "API_KEY_INVALID"}]), "auth_expired key"),
        (401, error("該令牌已過期", type="new_api_error"), "auth_expired key"),
        (401, error("jwt expired"), "auth_expired key"),
        (403, error("用戶已被封禁", type="new_api_error"), "account_blocked key"),
        (401, error("x", code="account_deactivated"), "account_blocked key"),
        (403, error("Your account has been suspended."), "account_blocked key"),
        (403, error("您的 IP 不在令牌允许访问的列表中"), "ip_not_allowed key"),
        (401, error("Your IP is not authorized to use this API key", type="x"), "ip_not_allowed key"),
        (400, error("User location is not supported for the API use."), "ip_not_allowed key"),
        (403, error("該令牌無權存取模型 sora_image", type="new_api_error"), "permission_denied model"),
        (403, error("This token has no access to model x"), "permission_denied model"),
        (403, {"message": "You don't have access to the model"}, "permission_denied model"),
        (403, error("无权访问 svip 分组", code="access_denied"), "permission_denied key"),
        (404, {"detail": "Not Found"}, "wrong_endpoint provider"),
        (404, {"status": 404, "error": "Not Found", "path": "/chat/completions"}, "wrong_endpoint provider"),
        (404, error("model: gpt-9-image", type="not_found_error"), "model_not_found model"),
        (400, error("找不到模型 gpt-4o-image"), "model_not_found model"),
        (400, error("x/y is not a valid model ID", code=400), "model_not_found model"),
        (404, error("分组 a 下模型 b 无可用渠道", code="model_not_found"), "model_not_found model"),
        (404, error("分组 a 下模型 b 无可用渠道", type="new_api_error"), "model_not_found model"),
        (501, error("x", code="api_not_implemented"), "not_implemented model"),
    ],
)
def test_what_a_person_has_to_mend(status: int, body: object, expected: str) -> None:
    assert summary(classified(status, body)) == "needs_human " + expected
    assert classified(status, body).billed == "no"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (503, error("x", code="model_not_found"), "no_channel model"),
        (500, error("分组 a 下模型 b 无可用渠道", code="model_not_found"), "no_channel model"),
        (503, error("分組 vip 下模型 b 無可用渠道", type="one_api_error"), "no_channel model"),
        (503, error("There are no channels available for model x"), "no_channel model"),
        (503, error("No available accounts", type="api_error"), "no_channel provider"),
        (500, error("No available tokens for image generation."), "no_channel"),
        (401, error("Incorrect API key provided", type="upstream_error"), "upstream_error provider"),
        (403, error("bad response status code 403", type="upstream_error"), "upstream_error provider"),
        (401, error("x", code="channel:invalid_key"), "upstream_error provider"),
        (500, error("connect: connection refused", code="do_request_failed"), "upstream_error"),
        (200, error("Provider returned error", code=502), "upstream_error"),
        (200, {"success": False}, "upstream_error"),
        (500, error("model returned empty response", code="empty_response"), "empty_response"),
        (503, error("系统维护中"), "maintenance"),
    ],
)
def test_what_is_safe_to_send_again(status: int, body: object, expected: str) -> None:
    assert summary(classified(status, body)) == "retry " + expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, error("bad response status code 524", type="upstream_error"), "gateway_timeout"),
        (500, error("bad response", type="upstream_error", param="504"), "gateway_timeout"),
        (200, error("x", code=504), "gateway_timeout"),
        (502, error("openai_error: upstream returned 504 Gateway Time-out"), "gateway_timeout"),
        (500, error("請求逾時"), "timeout"),
        (200, {"error": "Request timed out."}, "timeout"),
        (400, error("未接收到上游回應內容", code="bad_response"), "empty_response"),
    ],
)
def test_an_accepted_request_without_a_result_is_never_retried_blindly(
    status: int, body: object, expected: str
) -> None:
    assert summary(classified(status, body)) == "ambiguous " + expected
    assert classified(status, body).billed == "unknown"


def wrapped(inner: Any) -> dict[str, Any]:
    """Return an error as a router passes it on: as text inside its own."""
    metadata = {"provider_name": "Seed", "raw": json.dumps(inner)}
    return error("Provider returned error", code=400, metadata=metadata)


@pytest.mark.parametrize(
    ("status", "body", "expected", "billed"),
    [
        (400, error("x", code="content_policy_violation"), "moderation", "likely_no"),
        (
            500,
            error("rejected by the safety system" + REQUEST_ID, type="upstream_error"),
            "moderation",
            "likely_no",
        ),
        (400, error("x", code="content_filter", innererror={"code": "y"}), "moderation", "likely_no"),
        (
            400,
            error("x", code="BadRequest", inner_error={"code": "ResponsibleAIPolicyViolation"}),
            "moderation",
            None,
        ),
        (422, {"detail": [{"msg": "x", "type": "content_policy_violation"}]}, "moderation", "likely_no"),
        (400, error("您的請求違反了內容政策"), "moderation", "likely_no"),
        (400, error("コンテンツポリシーに違反しています"), "moderation", "likely_no"),
        (400, error("x", code="InputImageSensitiveContentDetected.Privacy"), "moderation_input", "no"),
        (400, error("用戶請求包含敏感詞"), "moderation_input", "no"),
        (400, error("Your prompt contains banned words and violates our rules"), "moderation_input", "no"),
        (200, error("x", code="prompt_blocked"), "moderation_input", "no"),
        (
            200,
            {"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}},
            "moderation_input",
            "no",
        ),
        (200, {"id": "t", "status": "Request Moderated", "result": None}, "moderation_input", "no"),
        (400, error("x", code="OutputVideoSensitiveContentDetected"), "moderation_output", "likely_no"),
        (200, {"id": "t", "status": "Content Moderated", "result": None}, "moderation_output", "likely_no"),
        (400, wrapped(error("x", code="InputTextSensitiveContentDetected")), "moderation_input", "no"),
        (
            400,
            wrapped({"error": json.dumps(error("x", code="content_policy_violation"))}),
            "moderation",
            "no",
        ),
        (200, {"code": "DataInspectionFailed", "message": "x", "request_id": "5"}, "moderation", "no"),
        (403, {"code": "x", "error": "Failed check: SAFETY_CHECK_TYPE_CSAM"}, "moderation", "yes"),
        (403, {"code": "x", "error": "Failed check: SAFETY_CHECK_TYPE_BIO"}, "moderation", "likely_no"),
    ],
)
def test_moderation_is_permanent_at_every_provider(
    status: int, body: object, expected: str, billed: str | None
) -> None:
    result = classified(status, body)
    assert summary(result) == "permanent " + expected
    assert billed is None or result.billed == billed


def test_the_fee_for_the_worst_prompts_calls_for_a_person() -> None:
    result = classified(403, error("Content violates usage guidelines.", code="violation_fee.grok.csam"))
    assert (summary(result), result.billed) == ("permanent moderation", "yes")
    assert "a person should look" in result.message


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, error("Invalid value: '99x99'.", param="size", code="invalid_value"), "permanent bad_request"),
        (400, {"errors": [{"message": "messages is required"}]}, "permanent bad_request"),
        (200, error("Invalid request: messages required", code=400), "permanent bad_request"),
        (400, error("提示词过长，最多 1000 字符"), "permanent prompt_too_long"),
        (
            413,
            {"message": "request entity too large", "type": "entity.too.large"},
            "permanent payload_too_large",
        ),
        (400, error("图片大小超过限制，最大 10MB"), "permanent payload_too_large"),
        (400, error("Unable to process input image."), "permanent input_image_invalid"),
        (400, error("Unsupported MIME type: image/bmp"), "permanent input_image_invalid"),
        (
            400,
            error("Failed to download image from https://x/a.png: timeout"),
            "retry input_image_unreachable",
        ),
        (500, error("failed to get image from url: dial tcp: i/o timeout"), "retry input_image_unreachable"),
        (400, error("x", code="invalid_image_url"), "retry input_image_unreachable"),
        (400, error("Upstream status code: 410.", code="invalid_image_url"), "retry input_image_unreachable"),
        (
            400,
            error("Error while downloading https://x/gone.png. Upstream status code: 410."),
            "permanent input_image_unreachable",
        ),
        (400, error("图片下载失败，状态码: 404"), "permanent input_image_unreachable"),
    ],
)
def test_what_is_wrong_with_the_request(status: int, body: object, expected: str) -> None:
    assert summary(classified(status, body)) == expected
