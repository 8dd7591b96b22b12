"""Counters and histograms of jobs: submitted, rejected, started, ended."""

from collections.abc import Sequence
from functools import partial

from prometheus_client import Counter, Histogram
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import after_commit
from models.queries.assets import NewAsset
from models.queries.jobs import NewJob
from models.queries.transitions import MadeTransition
from models.states import FINAL, JobStatus
from worker.images.inspection import EXTENSIONS
from worker.metrics.buckets import BYTES, CALL, WAIT
from worker.metrics.labels import MODELS, OTHER, error_type

_submitted = Counter("darkroom_jobs_submitted", "Jobs accepted", ["model", "source"])
_rejected = Counter("darkroom_jobs_rejected", "Jobs of submits that were not accepted", ["reason"])
_finished = Counter("darkroom_jobs_finished", "Jobs that ended", ["model", "outcome", "error_type"])
_held = Counter("darkroom_jobs_held", "Jobs that began to wait for a person", ["model", "error_type"])
_returned = Counter("darkroom_leases_expired", "Leases that ended without a call", ["model"])
_wait = Histogram(
    "darkroom_job_wait_seconds",
    "From the time a job may start to its lease; deliberate delays are not counted",
    ["model", "priority"],
    buckets=WAIT,
)
_run = Histogram(
    "darkroom_job_run_seconds", "From the last lease of a job to its end", ["model", "outcome"], buckets=CALL
)
_duration = Histogram(
    "darkroom_job_duration_seconds", "From submit to end", ["model", "outcome"], buckets=(*CALL, 1800, 3600)
)
_stored = Counter("darkroom_assets_stored", "Images of jobs that were stored", ["format"])
_size = Histogram("darkroom_asset_size_bytes", "Size of a stored image", ["format"], buckets=BYTES)

_SOURCES = frozenset({"rest", "midjourney", "openai", "campaign"})
_REASONS = frozenset({"invalid", "queue_full", "duplicate", "model_not_served", "input_image"})
_FORMATS = frozenset(EXTENSIONS)
_NORMAL = 5  # the default of submits, of 0 to 9


def submitted(connection: AsyncConnection, jobs: Sequence[NewJob], source: str) -> None:
    """Count accepted jobs once their transaction is committed."""
    after_commit(connection, partial(_count_submitted, [job.model for job in jobs], source))


def rejected(reason: str, count: int = 1) -> None:
    """Count jobs that were not accepted."""
    _rejected.labels(reason if reason in _REASONS else "invalid").inc(count)


def committed(
    connection: AsyncConnection, transitions: Sequence[MadeTransition], assets: Sequence[NewAsset]
) -> None:
    """Observe transitions, and the images stored with them, once their transaction is committed."""
    if transitions or assets:
        after_commit(connection, partial(_observe_all, transitions, assets))


def _count_submitted(models: Sequence[str], source: str) -> None:
    for model in models:
        _submitted.labels(MODELS.value(model), source if source in _SOURCES else OTHER).inc()


def _observe_all(transitions: Sequence[MadeTransition], assets: Sequence[NewAsset]) -> None:
    for transition in transitions:
        _observe(transition)
    for asset in assets:
        kind = asset.extension if asset.extension in _FORMATS else OTHER
        _stored.labels(kind).inc()
        _size.labels(kind).observe(asset.bytes)


def _observe(made: MadeTransition) -> None:
    model = MODELS.value(made.model)
    if made.leaving is made.entering:
        return
    if made.entering is JobStatus.LEASED:
        start = max((at for at in (made.created_at, made.due_at) if at is not None), default=None)
        if start is not None:
            _wait.labels(model, _band(made.priority)).observe(max(0.0, (made.at - start).total_seconds()))
    elif made.leaving is JobStatus.LEASED and made.entering is JobStatus.QUEUED:
        _returned.labels(model).inc()
    elif made.entering is JobStatus.HELD:
        _held.labels(model, error_type(made.error_code)).inc()
    elif made.entering in FINAL:
        _finished.labels(model, made.entering.value, error_type(made.error_code)).inc()
        if made.created_at is not None:
            seconds = max(0.0, (made.at - made.created_at).total_seconds())
            _duration.labels(model, made.entering.value).observe(seconds)
        if made.leased_at is not None:
            seconds = max(0.0, (made.at - made.leased_at).total_seconds())
            _run.labels(model, made.entering.value).observe(seconds)


def _band(priority: int) -> str:
    """Return the label of a priority."""
    return "low" if priority < _NORMAL else "high" if priority > _NORMAL else "normal"
