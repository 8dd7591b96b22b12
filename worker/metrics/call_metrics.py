"""Counters and histograms of provider calls: time, outcome, images, tokens, cost."""

from prometheus_client import Counter, Gauge, Histogram

from models.money.usage import read_tokens
from models.outcomes import Billed, CallResult, Outcome
from models.queries.attempts import AttemptRecord
from models.queries.leases import LeasedJob
from worker.metrics.buckets import CALL, RATIO, TOKENS, WAIT
from worker.metrics.labels import MODELS, error_type
from worker.upstream.reply import Reply
from worker.upstream.response_headers import rate_limits

_BY_CALL = ["channel", "model"]
_MILLION = 1_000_000
_attempts = Counter("darkroom_attempts", "Calls that ended", [*_BY_CALL, "outcome", "error_type"])
_responses = Counter("darkroom_provider_responses", "Calls by what came back", [*_BY_CALL, "result"])
_images = Counter("darkroom_provider_images", "Images in answers", _BY_CALL)
_unknown = Counter("darkroom_unknown_billing_attempts", "Calls that may have been charged", ["channel"])
_pacing = Histogram(
    "darkroom_ratelimit_wait_seconds",
    "From a job's lease to its call: limits per time",
    ["channel"],
    buckets=WAIT,
)
_decisions = Counter(
    "darkroom_ratelimit_decisions",
    "Calls that left at once, that limits per time have let wait, and that the provider refused for a limit",
    ["channel", "decision"],
)
_quota = Gauge(
    "darkroom_provider_quota_remaining_ratio",
    "What is left of a limit, by the provider's headers of the last call",
    ["channel", "kind"],
)
_cost = Counter(
    "darkroom_cost",
    "Settled cost of calls, in units of the currency",
    ["currency", *_BY_CALL, "outcome", "source"],
)
_estimate = Histogram(
    "darkroom_cost_reservation_error_ratio",
    "Settled cost of a call, in relation to what was reserved",
    ["channel"],
    buckets=RATIO,
)
# names and labels of the GenAI semantic conventions of OpenTelemetry, 1.41
_GEN_AI = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"]
_operation = Histogram(
    "gen_ai_client_operation_duration_seconds", "Seconds of a call", [*_GEN_AI, "error_type"], buckets=CALL
)
_tokens = Histogram(
    "gen_ai_client_token_usage", "Tokens of a call", [*_GEN_AI, "gen_ai_token_type"], buckets=TOKENS
)
_first_chunk = Histogram(
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "Seconds until the first byte of a streamed answer",
    _GEN_AI,
    buckets=CALL,
)
_OPERATION = "chat"  # the conventions have none for images

_NOTICED = 0.1  # seconds; from then on a call was delayed
_LIMITED = frozenset({"rate_limited", "concurrency_limited", "daily_limit", "upstream_saturated"})
_KINDS = frozenset({"requests", "tokens", "images", "default"})
_TIMEOUTS = frozenset({"timeout", "gateway_timeout"})
_REFUSED = frozenset({"moderation_input", "moderation_output", "moderation", "refusal"})
_TRUNCATED = frozenset({"stream_truncated", "stream_error", "connection_lost", "protocol_error"})


def call_left(job: LeasedJob, waited: float) -> None:
    """Observe that a call leaves; limits per time have let it wait for so many seconds after its lease."""
    _pacing.labels(job.channel).observe(waited)
    _decisions.labels(job.channel, "delayed" if waited >= _NOTICED else "granted").inc()


def call_ended(job: LeasedJob, reply: Reply, record: AttemptRecord, *, reserved: int | None) -> None:
    """Observe a call whose reply was read. ``reserved`` is in millionths of its currency."""
    model, answer = MODELS.value(job.model), reply.answer
    images = len(answer.images) if answer is not None else 0
    call_recorded(job, record)
    _responses.labels(job.channel, model, _result(reply.result, images)).inc()
    _images.labels(job.channel, model).inc(images)
    name = _OPERATION, job.channel, model
    _operation.labels(*name, error_type(record.error_code)).observe(reply.elapsed)
    if reply.first_chunk is not None:
        _first_chunk.labels(*name).observe(reply.first_chunk)
    if record.error_code in _LIMITED:
        _decisions.labels(job.channel, "refused").inc()
    for kind, limit in rate_limits(reply.headers).items():
        if kind in _KINDS and limit.limit and limit.remaining is not None:
            _quota.labels(job.channel, kind).set(limit.remaining / limit.limit)
    if answer is not None and (counts := read_tokens(answer.usage)) is not None:
        given = counts.text_in + counts.cached_text_in + counts.image_in + counts.cached_image_in
        given += counts.other_in + counts.cached_other_in
        _tokens.labels(*name, "input").observe(given)
        _tokens.labels(*name, "output").observe(counts.output)
    if reserved and record.cost_micro is not None:
        _estimate.labels(job.channel).observe(record.cost_micro / reserved)


def call_recorded(job: LeasedJob, record: AttemptRecord) -> None:
    """Count a call by what is recorded of it, also if it was cut off."""
    model = MODELS.value(job.model)
    _attempts.labels(job.channel, model, record.outcome.value, error_type(record.error_code)).inc()
    if record.billed is Billed.UNKNOWN:
        _unknown.labels(job.channel).inc()
    if record.cost_micro and record.currency and record.cost_source:
        outcome = record.outcome.value
        labels = (record.currency, job.channel, model, outcome, record.cost_source.value)
        _cost.labels(*labels).inc(record.cost_micro / _MILLION)


def _result(result: CallResult, images: int) -> str:
    """Return what came back, as one word of a closed list; a response without an image is no success."""
    if images:
        return "image"
    if result.code in _REFUSED:
        return "refused"
    if result.code in _TIMEOUTS:
        return "timeout"
    if result.code == "empty_response":
        return "empty"
    if result.code == "not_understood":
        return "malformed"
    if result.code in _TRUNCATED:
        return "truncated"
    if result.outcome is Outcome.PENDING:
        return "accepted"
    if result.outcome in (Outcome.NO_IMAGE, Outcome.SUCCESS):
        return "text_only"
    return "http_error"
