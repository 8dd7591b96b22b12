"""Error objects in answers, whatever they look like: dug out once, judged elsewhere."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
_FINE = frozenset({"", "0", "200", "ok", "success", "succeeded", "none", "null"})
_FAILED = frozenset(
    {
        *("failed", "failure", "error", "cancelled", "canceled", "rejected", "blocked"),
        *("request moderated", "content moderated"),
    }
)
_NAMES = ("code", "type", "status", "reason", "param", "errorCode", "error_code", "err_code", "error_name")
_WORDS = (
    *(
        "message",
        "msg",
        "errmsg",
        "error_msg",
        "errorMessage",
        "error_message",
        "err_msg",
        "status_msg",
        "description",
    ),
    *("fail_reason", "failReason", "failure_reason", "title"),
)
_PASSED_ON = frozenset({"provider_name", "raw"})  #: beside the error of a provider behind the provider
_INNER = ("error", "errors", "innererror", "inner_error", "details", "detail", "violations")
_NUMBERS = ("code", "status", "status_code", "http_code", "param")
_REQUEST_ID = re.compile(r"(?:request[ _]?id|trace[ _]?id|tid)\s*[:：=]\s*([\w.-]{4,128})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ErrorObject:
    """What a provider said went wrong.

    ``names`` are its codes, types and statuses (lower case, outermost first), ``message`` its sentences,
    ``status`` a number in the place of a code, ``layers`` its objects, outermost first and the whole answer
    last; ``wrapped`` tells that it came from a provider behind the provider. Without ``sure`` it is only a
    sentence: an error beside an error status, and else nothing.
    """

    message: str = ""
    names: tuple[str, ...] = ()
    status: int | None = None
    layers: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    wrapped: bool = False
    sure: bool = True

    @property
    def request_id(self) -> str | None:
        """The id for support tickets, from the sentence's end or from a field of its own."""
        if match := _REQUEST_ID.search(self.message):
            return match[1]
        found = (
            layer.get(name)
            for layer in self.layers
            for name in ("request_id", "requestId", "requestid", "ray_id")
        )
        return next((value for value in found if isinstance(value, str) and value), None)


def find_error(body: object) -> ErrorObject | None:
    """Return the fault that a parsed body reports, or ``None``; empty errors and success codes are none."""
    if isinstance(body, list):
        return find_error(body[0]) if len(body) == 1 else None
    if not isinstance(body, dict):
        return None
    if isinstance(response := body.get("Response"), dict) and isinstance(response.get("Error"), dict):
        body = _in_small_letters(response)
    elif isinstance(body.get("Code"), str) and isinstance(body.get("Message"), str):
        body = _in_small_letters(body)
    if body.get("object") == "error" or body.get("type") == "error":
        return _fault(body.get("error") or body, body)
    for name in ("error", "errors", "detail", "base_resp"):
        value = body.get(name)
        if name == "base_resp" and isinstance(value, dict) and _is_fine(value.get("status_code")):
            continue
        if value and not (name == "detail" and "choices" in body) and not _is_blank(value):
            return _fault(value if isinstance(value, dict | list) else body, body)
    return _top_level(body)


def _in_small_letters(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object of clouds that write ``{Error: {Code, Message}}`` with our names for its members."""
    return {
        name.lower(): _in_small_letters(value) if isinstance(value, dict) else value
        for name, value in body.items()
    }


def _top_level(body: Mapping[str, Any]) -> ErrorObject | None:
    """Read ``{code, message}`` without an error object."""
    if any(name in body for name in ("choices", "candidates", "output", "images")):
        return None
    message = next((body[name] for name in _WORDS if isinstance(body.get(name), str) and body[name]), None)
    if str(body.get("status", body.get("task_status"))).strip().lower() in _FAILED:
        return _fault(body, body)
    if message is not None and _is_fine(message) and body.get("success") is not False:
        return None
    code = body.get("code", body.get("error_code", body.get("errcode")))
    if body.get("success") is False or (code is not None and not _is_fine(code) and not body.get("result")):
        return _fault(body, body) if message or not body.get("data") else None
    status = body.get("status")
    is_failure = isinstance(status, int) and status >= 400 and not isinstance(status, bool)
    if message and is_failure:
        return _fault(body, body)
    lone = message is not None and not any(body.get(name) for name in ("data", "result", "task_id"))
    return replace(_fault(body, body), sure=False) if lone else None


def _is_fine(code: object) -> bool:
    return str(code).strip().lower() in _FINE


def _is_blank(value: object) -> bool:
    """Tell whether an error, or an error object, says that there is none."""
    if not isinstance(value, dict):
        return value is not True and _is_fine(value)
    said = (value.get(name) for name in (*_WORDS, *_INNER, "type", "status"))
    return _is_fine(value.get("code")) and not any(value and not _is_fine(value) for value in said)


def _fault(value: object, body: Mapping[str, Any]) -> ErrorObject:
    objects = list(_layers(value))
    layers: list[Mapping[str, Any]] = []
    names: dict[str, None] = {}
    sentences: dict[str, None] = {}
    for layer in objects:
        if isinstance(layer, str):
            sentences[layer] = None
            continue
        layers.append(layer)
        names.update((text, None) for name in _NAMES if (text := _name(layer.get(name))))
        sentences.update((layer[name], None) for name in _WORDS if isinstance(layer.get(name), str))
    if all(layer is not body for layer in layers):
        layers.append(body)
    metadata = [layer.get("metadata") for layer in layers]
    return ErrorObject(
        message="; ".join(sentence.strip() for sentence in sentences if sentence.strip()),
        names=tuple(names),
        status=_status(layers),
        layers=tuple(layers),
        wrapped=any(isinstance(item, dict) and _PASSED_ON & item.keys() for item in metadata),
    )


def _layers(value: object, depth: int = 0) -> Iterator[Mapping[str, Any] | str]:
    """Yield the error object, and those packed inside it, outermost first."""
    if depth > 5:
        return
    if isinstance(value, str):
        parsed = _parse(value)
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
    places = [value.get(name) for name in _INNER]
    if isinstance(metadata, dict):
        places += [metadata.get("raw"), metadata.get("error_type")]
    places += [value[name] for name in _WORDS if isinstance(value.get(name), str) and _parse(value[name])]
    for place in places:
        if place:
            yield from _layers(place, depth + 1)


def _parse(text: str) -> dict[str, Any] | None:
    """Return the object that a sentence carries, whatever stands before and after it."""
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


def _name(value: object) -> str:
    return value.strip().lower()[:200] if isinstance(value, str) else ""


def _status(layers: list[Mapping[str, Any]]) -> int | None:
    """Return the number that stands where a code should be: relays put the real status there."""
    for layer in layers:
        for name in _NUMBERS:
            text = str(layer.get(name))
            if text.isascii() and text.isdigit() and 400 <= int(text[:4]) <= 599:
                return int(text)
    return None
