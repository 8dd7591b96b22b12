"""One answer that somebody saw, as they wrote it down: checked, and made ready to be read."""

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

_NESTED = "is nested too deeply; give it as a string"


@dataclass(frozen=True, slots=True)
class Observation:
    """What came of one call, as far as it was kept. Header names are lower case, ``elapsed`` is seconds."""

    id: str | int | float | None = None  #: only repeated
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    request_facts: RequestFacts = field(default_factory=RequestFacts)
    failure: TransportFailure | None = None
    model: str | None = None
    elapsed: float = 0.0
    kind: str | None = None  #: ``headers`` says that nothing else was kept; another, that the answer was


def observation_of(value: object) -> Observation:
    """Read ``{id?, kind?, status, headers, body, request?, transport?, model?, elapsed_s?}``.

    ``body`` is the text as it came over the wire (or JSON, which is then written as text); ``body_b64`` takes
    its place for bytes. ``transport`` says in any words how a call without an answer failed. Members that
    mean nothing here are left alone. Raises ``InvalidRequest`` that names the member and the fix.
    """
    if not isinstance(value, Mapping):
        raise InvalidRequest("answer", "must be a JSON object with status, headers and body")
    elapsed = _elapsed(value.get("elapsed_s"))
    status, headers, body = _status(value.get("status")), _headers(value.get("headers")), _body(value)
    failure = _failure(value.get("transport"), elapsed)
    if status is None and failure is None and not body:
        if "status" in value:
            failure = TransportFailure.CONNECTION_RESET  # no answer, and nobody says that nothing was sent
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
        request_facts=_asked(value.get("request")),
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
    """Read headers; one that came several times is joined as HTTP says, unless it only repeats itself."""
    pairs = value.items() if isinstance(value, Mapping) else [] if value is None else value
    found: dict[str, list[str]] = {}
    if isinstance(pairs, str) or not isinstance(pairs, Iterable):
        raise _wrong_headers()
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise _wrong_headers()
        values = found.setdefault(pair[0].strip().lower(), [])
        for item in pair[1] if isinstance(pair[1], list) else [pair[1]]:
            if not isinstance(item, str | int | float | None):
                raise _wrong_headers()
            if item is not None and (text := str(item).strip()) not in values:
                values.append(text)
    return {name: ", ".join(values) for name, values in found.items() if values}


def _wrong_headers() -> InvalidRequest:
    return InvalidRequest("headers", "must be an object of names and texts, or a list of [name, text]")


def _body(value: Mapping[str, Any]) -> bytes:
    body, encoded = value.get("body"), value.get("body_b64")
    if encoded is not None and encoded != "":
        if body is not None and body != "":
            raise InvalidRequest("body_b64", "give body or body_b64, not both")
        return _decoded(encoded)
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, Mapping | list):
        return _written(body)
    raise InvalidRequest("body", "must be a text as it came over the wire, an object, a list, or null")


def _decoded(encoded: object) -> bytes:
    try:
        if isinstance(encoded, str):
            return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise InvalidRequest("body_b64", "must be the answer's bytes as base64")


def _written(body: object) -> bytes:
    try:
        return json.dumps(body).encode("ascii")
    except RecursionError:
        raise InvalidRequest("body", _NESTED) from None


def _asked(value: object) -> RequestFacts:
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


def _failure(words: object, elapsed: float) -> TransportFailure | None:
    if words is None or words == "":
        return None
    if not isinstance(words, str):
        raise InvalidRequest("transport", "say in a few words how the call failed, such as read_timeout")
    failure = parse_transport_failure(words)
    if failure is TransportFailure.STALE_CONNECTION and elapsed > STALE_WITHIN:
        return (
            TransportFailure.CONNECTION_RESET
        )  # a connection that was dead before would have failed at once
    return failure


def _elapsed(value: object) -> float:
    try:
        seconds = 0.0 if value is None else float(value) if isinstance(value, int | float | str) else -1.0
    except (ValueError, OverflowError):
        seconds = -1.0
    if not isfinite(seconds) or seconds < 0:
        raise InvalidRequest("elapsed_s", "must be how many seconds the call took")
    return seconds
