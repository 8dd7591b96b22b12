"""Error responses with the bodies and texts of real relays."""

import math
from collections.abc import Mapping

import orjson

from worker.practice.request_options import Announcement, FailureKind
from worker.practice.script import HTML, ConnectionEnd, Script, Step

_HTML = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n"
    "<center><h1>{0}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_INDEX = b'<!doctype html><html><head><title>Relay</title></head><body><div id="root"></div></body></html>'


def _error(status: int, message: str, *, kind: str = "new_api_error", code: str | None = None) -> Script:
    error = {"message": message, "type": kind, "param": "", "code": code}
    return Script((Step(0, orjson.dumps({"error": error})),), status=status)


def _page(status: int, title: str) -> Script:
    return Script((Step(0, _HTML.format(title).encode()),), status=status, content_type=HTML)


_RESPONSES: Mapping[FailureKind, Script] = {
    "400": _error(400, "Invalid value for 'size'.", kind="invalid_request_error", code="invalid_value"),
    "401": _error(401, "无效的令牌 (request id: 20260101000000practice)", code="invalid_api_key"),
    "402": _error(402, "用户额度不足, 剩余额度: $0.012000", code="insufficient_user_quota"),
    "403": _error(403, "You have no permission to use this model.", code="permission_denied"),
    "404": _error(404, "The model does not exist.", kind="invalid_request_error", code="model_not_found"),
    "429": _error(
        429, "Rate limit reached, please try again later.", kind="requests", code="rate_limit_exceeded"
    ),
    "500": _error(500, "Internal server error", kind="server_error"),
    "502": _page(502, "502 Bad Gateway"),
    "503": _error(503, "当前分组上游负载已饱和,请稍后再试", code="upstream_saturated"),
    "504": _page(504, "504 Gateway Time-out"),
    "moderation": _error(
        400,
        "Your request was rejected as a result of our safety system.",
        kind="image_generation_user_error",
        code="moderation_blocked",
    ),
    "lost_upstream": _error(
        500, "stream disconnected before completion: stream closed before response.completed", code="500"
    ),
    "html": Script((Step(0, _INDEX),), content_type=HTML),
}

#: Failures without any response, and the end of their connection.
_NO_RESPONSE: Mapping[FailureKind, ConnectionEnd] = {"hang": "hang", "reset": "reset", "drop": "drop"}

#: Text of the model instead of an image.
TEXT_REPLIES: Mapping[FailureKind, str] = {
    "no_picture": "Your picture is ready, I hope you like it!",
    "refusal": "I'm sorry, but I can't create that image because it violates our content policy.",
    "quotation": 'The sign reads "insufficient balance, please recharge your account".',
}

#: Failures for which a real provider most likely charges.
CHARGED_FAILURES: frozenset[FailureKind] = frozenset(
    (
        "504", "no_picture", "refusal", "cut", "unfinished", "stall", "invalid_json", "drip", "dead_link",
        "truncated", "joined", "drafts", "only_drafts", "finished_task", "unknown_answer",
        "quotation", "lost_upstream",
    )
)  # fmt: skip


def error_response(kind: FailureKind, *, delay: float, retry_after: float | None) -> Script | None:
    """Return the response of a failure that replaces the whole response; ``None`` for other kinds."""
    if kind in _NO_RESPONSE:
        return Script((), end=_NO_RESPONSE[kind])
    response = _RESPONSES.get(kind)
    if response is None:
        return None
    after = (
        delay if kind in ("500", "504", "lost_upstream") else 0.0
    )  # sent after the work; the others at once
    headers = _retry_after(retry_after) if kind in ("429", "503") else {}
    return Script((Step(after, response.steps[0].data),), response.status, response.content_type, headers)


def rate_limit_response(
    wait: float, announce: Announcement = "retry_after", *, limit: int | None = None
) -> Script:
    """Return the 429 of a call above the hidden limits, with or without a time to retry."""
    headers: dict[str, str] = {}
    if announce == "retry_after":
        headers = {"Retry-After": str(math.ceil(wait))}
    elif announce == "headers":
        headers = {
            "X-RateLimit-Limit-Requests": str(limit or 1),
            "X-RateLimit-Remaining-Requests": "0",
            "X-RateLimit-Reset-Requests": f"{math.ceil(wait)}s",
        }
    return Script(_RESPONSES["429"].steps, status=429, headers=headers)


def _retry_after(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": f"{seconds:g}"}
