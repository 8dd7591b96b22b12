"""What Darkroom makes of an answer that somebody saw. Nothing is called."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from models.outcomes import CallResult, Outcome
from worker.upstream.diagnosis.observation import Observation
from worker.upstream.errors.classify import classify
from worker.upstream.errors.retry_after import seconds_to_wait
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.base64_stream import VERBATIM
from worker.upstream.parsing.response_reader import AnswerReader
from worker.upstream.response_headers import Bucket, rate_limits, request_id_of
from worker.upstream.transport_errors import TransportFailure

_KINDS = frozenset({"headers", "response", "sse", "error"})  #: what somebody may say that they kept
HEADERS_ONLY = "headers_only"  #: the outcome of an observation that has headers and no answer to judge


@dataclass(frozen=True, slots=True)
class Explanation:
    """One observation, understood. ``retry_after`` is in seconds."""

    observation: Observation
    answer: Answer | None
    result: CallResult | None  #: none: there are only headers
    retry_after: float | None = None
    ratelimit: dict[str, Bucket] = field(default_factory=dict)
    request_id: str | None = None

    @property
    def outcome(self) -> str:
        """The verdict's outcome, or ``headers_only``."""
        return HEADERS_ONLY if self.result is None else self.result.outcome.value

    @property
    def message(self) -> str:
        """What happened and what to do, in plain words."""
        if self.result is not None:
            return self.result.message
        return "These are headers without an answer: add its body to have it judged."

    def document(self) -> dict[str, Any]:
        """Return it as JSON: ``outcome``, ``images``, ``progress``, and whatever else has a value."""
        verdict, answer = self.result, self.answer or Answer()
        good = verdict is not None and verdict.outcome is Outcome.SUCCESS
        members: dict[str, Any] = {
            "id": self.observation.id,
            "outcome": self.outcome,
            "error_code": verdict.code if verdict else None,
            "images": [picture.address for picture in answer.images],
            "alternates": _alternates(answer) or None,
            "progress": list(answer.progress),
            "text": answer.text if _is_stream(answer, self.observation) else None,
            "videos": list(answer.videos) or None,
            "posters": list(answer.posters) or None,
            "billed": verdict.billed.value if verdict else None,
            "scope": verdict.scope.value if verdict and verdict.scope else None,
            "retry_after_s": _number(self.retry_after),
            "ratelimit": {name: _bucket(bucket) for name, bucket in self.ratelimit.items()} or None,
            "call_limit": _call_limit(verdict),
            "should_retry": _should_retry(self.observation),
            "request_id": self.request_id,
            "poll_url": answer.poll_url,
            "task_id": answer.task_id,
            "gen_ids": list(answer.gen_ids) or None,
            "incomplete_stream": (good and answer.incomplete_stream) or None,
            "partial": (good and answer.partial) or None,
            "relative": (good and answer.relative) or None,
            "finish_reason": answer.finish_reasons[-1] if answer.finish_reasons else None,
            "usage": _counts(answer.usage or {}) or None,
            "message": self.message,
            "provider_message": verdict.provider_message if verdict else None,
        }
        return {name: value for name, value in members.items() if value is not None}


def explain(observation: Observation) -> Explanation:
    """Read and judge an observation, as a call's answer is read and judged."""
    limits, request_id = rate_limits(observation.headers), request_id_of(observation.headers)
    if _has_only_headers(observation, hints=bool(limits or request_id)):
        wait = seconds_to_wait(observation.headers)
        return Explanation(observation, None, None, wait, limits, request_id)
    answer, failure = _read(observation)
    result = classify(
        answer,
        status=observation.status,
        headers=observation.headers,
        failure=failure,
        elapsed=observation.elapsed,
    )
    known = request_id or (answer.request_id if answer else None)
    return Explanation(observation, answer, result, _wait(observation, answer, result), limits, known)


def reader_for(observation: Observation) -> AnswerReader:
    """Return the reader that knows what the observation's request asked for."""
    return AnswerReader(
        input_urls=observation.request_facts.input_urls,
        n=observation.request_facts.n,
        failed=observation.status is not None and observation.status >= 400,
        inline_limit=VERBATIM,
    )


def _read(observation: Observation) -> tuple[Answer | None, TransportFailure | None]:
    """Read the body as a call's body is read, if there was an answer that could be held."""
    failure = observation.failure
    unanswered = observation.status is None and not observation.body
    if unanswered or failure is TransportFailure.TOO_LARGE:
        return None, failure
    reader = reader_for(observation)
    try:
        reader.feed(observation.body)
        return reader.close(complete=failure is None), failure
    except Exception:  # noqa: BLE001 - as in a call: an answer that we fail to read may be paid for
        return None, TransportFailure.UNREADABLE


def _wait(observation: Observation, answer: Answer | None, result: CallResult) -> float | None:
    """Return the verdict's wait to the last digit: the verdict itself rounds to microseconds."""
    if result.retry_after is None:
        return None
    error, words = (answer.error, answer.filtered_text) if answer else (None, "")
    return seconds_to_wait(observation.headers, error, words)


def _has_only_headers(observation: Observation, *, hints: bool) -> bool:
    """Tell headers that were kept on their own from an answer that was empty.

    They come without a body and without the request that they answer, and tell of limits, waits or ids. An
    accepted call whose answer says that it has no bytes, or that was an event stream, is an empty answer.
    """
    headers = observation.headers
    if observation.failure is not None or observation.body.strip():
        return False
    result = observation.status is not None and 200 <= observation.status < 300
    if result and observation.kind in _KINDS:
        return observation.kind == "headers"
    if observation.request_facts.known:
        return False
    if observation.status is None:
        return bool(headers)
    empty = headers.get("content-length") == "0" or "event-stream" in headers.get("content-type", "")
    waits = "retry-after" in headers or "retry-after-ms" in headers
    return result and not empty and (hints or waits)


def _alternates(answer: Answer) -> dict[str, list[str]]:
    return {picture.address: list(picture.alternates) for picture in answer.images if picture.alternates}


def _is_stream(answer: Answer, observation: Observation) -> bool:
    """Tell whether the answer is a stream, or stands where one was asked for."""
    result = observation.status is None or observation.status < 400
    return answer.streamed or (observation.request_facts.stream and result)


def _should_retry(observation: Observation) -> bool | None:
    said = observation.headers.get("x-should-retry", "").strip().lower()
    return {"true": True, "false": False}.get(said)


def _call_limit(result: CallResult | None) -> dict[str, Any] | None:
    """Return the limit that the provider's words name."""
    if result is None or result.limit is None:
        return None
    return {"calls": result.limit.calls, "period_s": _number(result.limit.period.total_seconds())}


def _counts(usage: Mapping[str, Any], *, groups: bool = True) -> dict[str, Any]:
    """Return the figures of a usage report: its numbers, and its groups of numbers."""
    found: dict[str, Any] = {}
    for name, value in usage.items():
        if groups and isinstance(value, Mapping):
            found[name] = _counts(value, groups=False)
        elif isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
            found[name] = value
    return found


def _bucket(bucket: Bucket) -> dict[str, Any]:
    return {"limit": bucket.limit, "remaining": bucket.remaining, "reset_s": _number(bucket.reset)}


def _number(value: float | None) -> int | float | None:
    """Return whole seconds as such."""
    return int(value) if value is not None and value.is_integer() else value
