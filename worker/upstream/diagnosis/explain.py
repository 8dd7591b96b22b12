"""Explain a captured answer: parse and classify it as a call would, without calling a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from models.outcomes import CallResult, Outcome
from worker.upstream.diagnosis.observation import Observation
from worker.upstream.errors.classify import classify
from worker.upstream.errors.retry_after import retry_after_seconds
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.base64_stream import VERBATIM
from worker.upstream.parsing.response_reader import AnswerReader
from worker.upstream.response_headers import Bucket, rate_limits, request_id_of
from worker.upstream.transport_errors import TransportFailure

_KINDS = frozenset({"headers", "response", "sse", "error"})  #: known values of ``Observation.kind``
HEADERS_ONLY = "headers_only"  #: outcome of an observation with headers and no answer to classify


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that one observation means; ``retry_after`` is in seconds."""

    observation: Observation
    answer: Answer | None
    result: CallResult | None  #: ``None``: there are only headers
    retry_after: float | None = None
    ratelimit: dict[str, Bucket] = field(default_factory=dict)
    request_id: str | None = None

    @property
    def outcome(self) -> str:
        """The call result's outcome, or ``headers_only``."""
        return HEADERS_ONLY if self.result is None else self.result.outcome.value

    @property
    def message(self) -> str:
        """What happened and what to do, for people."""
        if self.result is not None:
            return self.result.message
        return "These are headers without an answer: add its body to have it judged."

    def document(self) -> dict[str, Any]:
        """Return the explanation as JSON: ``outcome``, ``images``, ``progress`` and all that has a value."""
        result, answer = self.result, self.answer or Answer()
        succeeded = result is not None and result.outcome is Outcome.SUCCESS
        members: dict[str, Any] = {
            "id": self.observation.id,
            "outcome": self.outcome,
            "error_code": result.code if result else None,
            "images": [image.address for image in answer.images],
            "alternates": _alternates(answer) or None,
            "progress": list(answer.progress),
            "text": answer.text if _is_stream(answer, self.observation) else None,
            "videos": list(answer.videos) or None,
            "posters": list(answer.posters) or None,
            "billed": result.billed.value if result else None,
            "scope": result.scope.value if result and result.scope else None,
            "retry_after_s": _number(self.retry_after),
            "ratelimit": {name: _bucket(bucket) for name, bucket in self.ratelimit.items()} or None,
            "call_limit": _call_limit(result),
            "should_retry": _should_retry(self.observation),
            "request_id": self.request_id,
            "poll_url": answer.poll_url,
            "task_id": answer.task_id,
            "gen_ids": list(answer.gen_ids) or None,
            "incomplete_stream": (succeeded and answer.incomplete_stream) or None,
            "partial": (succeeded and answer.partial) or None,
            "relative": (succeeded and answer.relative) or None,
            "finish_reason": answer.finish_reasons[-1] if answer.finish_reasons else None,
            "usage": _counts(answer.usage or {}) or None,
            "task_urls": list(answer.task_urls) or None,
            "message": self.message,
            "decided_by": (result.decided_by or None) if result else None,
            "provider_message": result.provider_message if result else None,
        }
        return {name: value for name, value in members.items() if value is not None}


def explain(observation: Observation) -> Explanation:
    """Return what an observation means, parsed and classified like the answer of a call."""
    limits, request_id = rate_limits(observation.headers), request_id_of(observation.headers)
    if _has_only_headers(observation, hints=bool(limits or request_id)):
        wait = retry_after_seconds(observation.headers)
        return Explanation(observation, None, None, wait, limits, request_id)
    answer, failure = _parse(observation)
    result = classify(
        answer,
        status=observation.status,
        headers=observation.headers,
        failure=failure,
        elapsed=observation.elapsed,
        own=observation.request_facts.own,
    )
    request_id = request_id or (answer.request_id if answer else None)
    return Explanation(observation, answer, result, _wait(observation, answer, result), limits, request_id)


def reader_for(observation: Observation) -> AnswerReader:
    """Return a reader set up with the input images and the number of images of the request."""
    reader = AnswerReader(
        input_urls=observation.request_facts.input_urls,
        n=observation.request_facts.n,
        failed=observation.status is not None and observation.status >= 400,
        inline_limit=VERBATIM,
    )
    if observation.status is not None and 200 <= observation.status < 300:
        reader.location = observation.headers.get("location", "")
    return reader


def _parse(observation: Observation) -> tuple[Answer | None, TransportFailure | None]:
    """Parse the body, if there was one and it was not too large; return the answer and the failure."""
    failure = observation.failure
    unanswered = observation.status is None and not observation.body
    if unanswered or failure is TransportFailure.TOO_LARGE:
        return None, failure
    reader = reader_for(observation)
    try:
        reader.feed(observation.body)
        return reader.close(complete=failure is None), failure
    except Exception:  # noqa: BLE001 - as in a call: an answer that can't be parsed may have been charged
        return None, TransportFailure.UNREADABLE


def _wait(observation: Observation, answer: Answer | None, result: CallResult) -> float | None:
    """Return the result's retry-after in full precision; the result rounds it to microseconds."""
    if result.retry_after is None:
        return None
    own = observation.request_facts.own
    error, text = (answer.error, answer.filtered_text) if answer else (None, "")
    if error is not None:
        error = replace(error, message=own.blank(error.message))
    return retry_after_seconds(observation.headers, error, own.blank(text))


def _has_only_headers(observation: Observation, *, hints: bool) -> bool:
    """Return whether only headers were captured, in contrast to an empty answer.

    Such headers have neither body nor request, and name a limit, a wait or an id (``hints``). An accepted
    call whose headers state an empty body or an event stream is an empty answer.
    """
    headers = observation.headers
    if observation.failure is not None or observation.body.strip():
        return False
    accepted = observation.status is not None and 200 <= observation.status < 300
    if accepted and observation.kind in _KINDS:
        return observation.kind == "headers"
    if observation.request_facts.known:
        return False
    if observation.status is None:
        return bool(headers)
    empty = headers.get("content-length") == "0" or "event-stream" in headers.get("content-type", "")
    waits = "retry-after" in headers or "retry-after-ms" in headers
    return accepted and not empty and (hints or waits)


def _alternates(answer: Answer) -> dict[str, list[str]]:
    return {image.address: list(image.alternates) for image in answer.images if image.alternates}


def _is_stream(answer: Answer, observation: Observation) -> bool:
    """Return whether the answer is a stream, or the good answer to a request for one."""
    accepted = observation.status is None or observation.status < 400
    return answer.streamed or (observation.request_facts.stream and accepted)


def _should_retry(observation: Observation) -> bool | None:
    value = observation.headers.get("x-should-retry", "").strip().lower()
    return {"true": True, "false": False}.get(value)


def _call_limit(result: CallResult | None) -> dict[str, Any] | None:
    """Return the rate limit that the provider's message names."""
    if result is None or result.limit is None:
        return None
    return {"calls": result.limit.calls, "period_s": _number(result.limit.period.total_seconds())}


def _counts(usage: Mapping[str, Any], *, groups: bool = True) -> dict[str, Any]:
    """Return the numbers of a usage object, and of its nested objects one level down."""
    counts: dict[str, Any] = {}
    for name, value in usage.items():
        if groups and isinstance(value, Mapping):
            counts[name] = _counts(value, groups=False)
        elif isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
            counts[name] = value
    return counts


def _bucket(bucket: Bucket) -> dict[str, Any]:
    return {"limit": bucket.limit, "remaining": bucket.remaining, "reset_s": _number(bucket.reset)}


def _number(value: float | None) -> int | float | None:
    """Return a whole number as ``int``."""
    return int(value) if value is not None and value.is_integer() else value
