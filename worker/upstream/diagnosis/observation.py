"""Validate a captured answer: JSON with status, headers, body and request to an ``Observation``."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from models.errors import InvalidRequest
from worker.upstream.diagnosis.request_facts import RequestFacts, request_facts_of
from worker.upstream.diagnosis.transport_phrases import parse_transport_failure
from worker.upstream.transport_errors import STALE_WITHIN, TransportFailure

_TOO_DEEP = "is nested too deeply; give it as a string"


@dataclass(frozen=True, slots=True)
class Observation:
    """What was captured of one call. Header names are lower case, ``elapsed`` is in seconds."""

    id: str | int | float | None = None  #: repeated in the explanation
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    request_facts: RequestFacts = field(default_factory=RequestFacts)
    failure: TransportFailure | None = None
    model: str | None = None
    elapsed: float = 0.0
    kind: str | None = None  #: ``headers``: nothing else was captured; any other value: the answer was


def observation_of(value: object) -> Observation:
    """Parse ``{id?, kind?, status, headers, body, request?, transport?, model?, elapsed_s?}``.

    ``body`` is the text from the wire (or JSON, which is serialized), ``body_b64`` the same as base64.
    ``transport`` describes in free text how a call without an answer failed. Unknown members are ignored.
    Raises ``InvalidRequest`` that names the member and the fix.
    """
    if not isinstance(value, Mapping):
        raise InvalidRequest("answer", "must be a JSON object with status, headers and body")
    elapsed = _elapsed(value.get("elapsed_s"))
    status, headers, body = _status(value.get("status")), _headers(value.get("headers")), _body(value)
    failure = _failure(value.get("transport"), elapsed)
    if status is None and failure is None and not body:
        if "status" in value:
            failure = TransportFailure.CONNECTION_RESET  # no answer; the request may have been sent
        elif not headers:
            raise InvalidRequest(
                "status", "give the HTTP status of the answer, or say in transport how the call failed"
            )
    model = value.get("model")
    return Observation(
        id=_id(value.get("id")),
        status=status,
        headers=headers,
        body=body,
        request_facts=_request(value.get("request")),
        failure=failure,
        model=model if isinstance(model, str) else None,
        kind=kind if isinstance(kind := value.get("kind"), str) and kind else None,
        elapsed=elapsed,
    )


def _id(value: object) -> str | int | float | None:
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value)):
        return value
    raise InvalidRequest("id", "must be a text or a number; it is only repeated")


def _status(value: object) -> int | None:
    if value is None or value == "":
        return None
    text = str(value).strip() if isinstance(value, int | float | str) else ""
    digits = text.removesuffix(".0")
    if len(digits) == 3 and digits.isascii() and digits.isdigit() and digits >= "100":
        return int(digits)
    raise InvalidRequest("status", "must be an HTTP status from 100 to 999, or null if there was no answer")


def _headers(value: object) -> dict[str, str]:
    """Parse headers; values of a repeated header are joined by commas (RFC 9110), duplicates dropped."""
    pairs = value.items() if isinstance(value, Mapping) else [] if value is None else value
    headers: dict[str, list[str]] = {}
    if isinstance(pairs, str) or not isinstance(pairs, Iterable):
        raise _invalid_headers()
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise _invalid_headers()
        values = headers.setdefault(pair[0].strip().lower(), [])
        for item in pair[1] if isinstance(pair[1], list) else [pair[1]]:
            if not isinstance(item, str | int | float | None):
                raise _invalid_headers()
            if item is not None and (text := str(item).strip()) not in values:
                values.append(text)
    return {name: ", ".join(values) for name, values in headers.items() if values}


def _invalid_headers() -> InvalidRequest:
    return InvalidRequest("headers", "must be an object of names and texts, or a list of [name, text]")


def _body(value: Mapping[str, Any]) -> bytes:
    body, encoded = value.get("body"), value.get("body_b64")
    if encoded is not None and encoded != "":
        if body is not None and body != "":
            raise InvalidRequest("body_b64", "give body or body_b64, not both")
        return _decode(encoded)
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, Mapping | list):
        return _serialize(body)
    raise InvalidRequest("body", "must be a text as it came over the wire, an object, a list, or null")


def _decode(encoded: object) -> bytes:
    try:
        if isinstance(encoded, str):
            return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise InvalidRequest("body_b64", "must be the answer's bytes as base64")


def _serialize(body: object) -> bytes:
    try:
        return json.dumps(body).encode("ascii")
    except RecursionError:
        raise InvalidRequest("body", _TOO_DEEP) from None


def _request(value: object) -> RequestFacts:
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = False
    if value is None or value == "":
        return RequestFacts()
    if not isinstance(value, Mapping):
        raise InvalidRequest("request", "must be the body that was sent, as a JSON object or its text")
    return request_facts_of(value)


def _failure(text: object, elapsed: float) -> TransportFailure | None:
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise InvalidRequest("transport", "say in a few words how the call failed, such as read_timeout")
    failure = parse_transport_failure(text)
    if failure is TransportFailure.STALE_CONNECTION and elapsed > STALE_WITHIN:
        return TransportFailure.CONNECTION_RESET  # a stale connection would have failed at once
    return failure


def _elapsed(value: object) -> float:
    try:
        seconds = 0.0 if value is None else float(value) if isinstance(value, int | float | str) else -1.0
    except (ValueError, OverflowError):
        seconds = -1.0
    if not isfinite(seconds) or seconds < 0:
        raise InvalidRequest("elapsed_s", "must be how many seconds the call took")
    return seconds
