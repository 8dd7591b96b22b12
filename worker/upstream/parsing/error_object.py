"""Error object: find the error that a parsed body reports, in any provider's shape."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
_SUCCESS_CODES = frozenset({"", "0", "200", "ok", "success", "succeeded", "none", "null"})
_FAILED_STATES = frozenset(
    {
        *("failed", "failure", "error", "cancelled", "canceled", "rejected", "blocked"),
        *("request moderated", "content moderated"),
    }
)
_CODE_FIELDS = (
    *("code", "type", "status", "reason", "param"),
    *("errorCode", "error_code", "err_code", "error_name"),
)
_MESSAGE_FIELDS = (
    *("message", "msg", "errmsg", "error_msg", "errorMessage", "error_message", "err_msg", "status_msg"),
    *("description", "fail_reason", "failReason", "failure_reason", "title"),
)
_RELAY_FIELDS = frozenset({"provider_name", "raw"})  #: members beside the error of a provider behind a relay
_NESTED_FIELDS = ("error", "errors", "innererror", "inner_error", "details", "detail", "violations")
_STATUS_FIELDS = ("code", "status", "status_code", "http_code", "param")
_REQUEST_ID = re.compile(r"(?:request[ _]?id|trace[ _]?id|tid)\s*[:：=]\s*([\w.-]{4,128})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ErrorObject:
    """Error reported by a provider.

    ``names`` are its codes, types and statuses (lower case, outermost first), ``message`` its sentences,
    ``status`` an HTTP status in the place of a code, ``layers`` its objects, outermost first and the whole
    body last; ``wrapped`` means that it comes from a provider behind a relay. Without ``sure`` it is a lone
    message, which is an error only beside an error status; ``embedded`` means that it was found within a text
    of the model, which may have been asked for it.
    """

    message: str = ""
    names: tuple[str, ...] = ()
    status: int | None = None
    layers: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    wrapped: bool = False
    sure: bool = True
    embedded: bool = False

    @property
    def request_id(self) -> str | None:
        """The request id for support, from the message or from a member of its own."""
        if match := _REQUEST_ID.search(self.message):
            return match[1]
        found = (
            layer.get(name)
            for layer in self.layers
            for name in ("request_id", "requestId", "requestid", "ray_id")
        )
        return next((value for value in found if isinstance(value, str) and value), None)


def find_error(body: object) -> ErrorObject | None:
    """Return the error that a parsed body reports; ``None`` for success codes and empty errors."""
    if isinstance(body, list):
        return find_error(body[0]) if len(body) == 1 else None
    if not isinstance(body, dict):
        return None
    if isinstance(response := body.get("Response"), dict) and isinstance(response.get("Error"), dict):
        body = _lower_case_members(response)
    elif isinstance(body.get("Code"), str) and isinstance(body.get("Message"), str):
        body = _lower_case_members(body)
    if body.get("object") == "error" or body.get("type") == "error":
        return _read_error(body.get("error") or body, body)
    for name in ("error", "errors", "detail", "base_resp"):
        value = body.get(name)
        if name == "base_resp" and isinstance(value, dict) and _is_success(value.get("status_code")):
            continue
        if value and not (name == "detail" and "choices" in body) and not _is_empty_error(value):
            return _read_error(value if isinstance(value, dict | list) else body, body)
    return _top_level(body)


def _lower_case_members(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with lower-case members: some clouds write ``{Error: {Code, Message}}``."""
    return {
        name.lower(): _lower_case_members(value) if isinstance(value, dict) else value
        for name, value in body.items()
    }


def _top_level(body: Mapping[str, Any]) -> ErrorObject | None:
    """Read ``{code, message}`` without an error object."""
    if any(name in body for name in ("choices", "candidates", "output", "images")):
        return None
    message = next(
        (body[name] for name in _MESSAGE_FIELDS if isinstance(body.get(name), str) and body[name]), None
    )
    if str(body.get("status", body.get("task_status"))).strip().lower() in _FAILED_STATES:
        return _read_error(body, body)
    if message is not None and _is_success(message) and body.get("success") is not False:
        return None
    code = body.get("code", body.get("error_code", body.get("errcode")))
    if body.get("success") is False or (
        code is not None and not _is_success(code) and not body.get("result")
    ):
        return _read_error(body, body) if message or not body.get("data") else None
    status = body.get("status")
    is_error_status = isinstance(status, int) and status >= 400 and not isinstance(status, bool)
    if message and is_error_status:
        return _read_error(body, body)
    lone = message is not None and not any(body.get(name) for name in ("data", "result", "task_id"))
    return replace(_read_error(body, body), sure=False) if lone else None


def _is_success(code: object) -> bool:
    return str(code).strip().lower() in _SUCCESS_CODES


def _is_empty_error(value: object) -> bool:
    """Return whether an error member says that there is no error."""
    if not isinstance(value, dict):
        return value is not True and _is_success(value)
    members = (value.get(name) for name in (*_MESSAGE_FIELDS, *_NESTED_FIELDS, "type", "status"))
    return _is_success(value.get("code")) and not any(value and not _is_success(value) for value in members)


def _read_error(value: object, body: Mapping[str, Any]) -> ErrorObject:
    found = list(_layers(value))
    layers: list[Mapping[str, Any]] = []
    names: dict[str, None] = {}
    messages: dict[str, None] = {}
    for layer in found:
        if isinstance(layer, str):
            messages[layer] = None
            continue
        layers.append(layer)
        names.update((text, None) for name in _CODE_FIELDS if (text := _code(layer.get(name))))
        messages.update((layer[name], None) for name in _MESSAGE_FIELDS if isinstance(layer.get(name), str))
    if all(layer is not body for layer in layers):
        layers.append(body)
    metadata = [layer.get("metadata") for layer in layers]
    return ErrorObject(
        message="; ".join(message.strip() for message in messages if message.strip()),
        names=tuple(names),
        status=_status(layers),
        layers=tuple(layers),
        wrapped=any(isinstance(item, dict) and _RELAY_FIELDS & item.keys() for item in metadata),
    )


def _layers(value: object, depth: int = 0) -> Iterator[Mapping[str, Any] | str]:
    """Yield the error object and those nested in it, outermost first."""
    if depth > 5:
        return
    if isinstance(value, str):
        parsed = _embedded_object(value)
        if parsed is None:
            yield value
        else:
            yield from _layers(parsed.get("error") or parsed.get("detail") or parsed, depth + 1)
    elif isinstance(value, list):
        for item in value[:10]:
            yield from _layers(item, depth + 1)
    elif isinstance(value, dict):
        yield value
        yield from _inner_layers(value, depth)


def _inner_layers(value: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any] | str]:
    metadata = value.get("metadata")
    places = [value.get(name) for name in _NESTED_FIELDS]
    if isinstance(metadata, dict):
        places += [metadata.get("raw"), metadata.get("error_type")]
    places += [
        value[name]
        for name in _MESSAGE_FIELDS
        if isinstance(value.get(name), str) and _embedded_object(value[name])
    ]
    for place in places:
        if place:
            yield from _layers(place, depth + 1)


def _embedded_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object inside a message, with any text around it."""
    start = min((found for sign in ("{", "[{") if (found := text.find(sign)) >= 0), default=-1)
    if start < 0:
        return None
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        value = value[0]
    return value if isinstance(value, dict) and value else None


def _code(value: object) -> str:
    return value.strip().lower()[:200] if isinstance(value, str) else ""


def _status(layers: list[Mapping[str, Any]]) -> int | None:
    """Return the HTTP status in the place of a code, where relays put the real status."""
    for layer in layers:
        for name in _STATUS_FIELDS:
            text = str(layer.get(name))
            if text.isascii() and text.isdigit() and len(text) <= 9 and 400 <= int(text) <= 599:
                return int(text)
    return None
