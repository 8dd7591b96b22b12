"""Counters of what Darkroom itself repairs, and of images that it refused."""

from enum import StrEnum

from prometheus_client import Counter

from worker.metrics.labels import error_type

_repairs = Counter("darkroom_reconciler_repairs", "What was put right after a loss", ["kind"])
_rejected = Counter("darkroom_asset_rejected", "Images of answers that could not be taken", ["reason"])
_provenance = Counter("darkroom_provenance_assets", "Images that were examined, by provenance", ["c2pa"])


class Repair(StrEnum):
    """What was put right."""

    ENQUEUE_MISSING = "enqueue_missing"  #: a lease whose Celery message never came
    STUCK_RUNNING = "stuck_running"  #: a job of a worker that was lost
    ORPHAN_ASSET = "orphan_asset"  #: a stored file that no row names
    LATE_RESULT = "late_result"  #: images of a call whose answer was lost


def repaired(kind: Repair, count: int = 1) -> None:
    """Count repairs."""
    _repairs.labels(kind.value).inc(count)


def rejected(code: str) -> None:
    """Count an image that could not be fetched or read, by its error code."""
    _rejected.labels(error_type(code)).inc()


def examined(*, c2pa: bool | None) -> None:
    """Count an image whose provenance was looked for; ``None``: its format has none."""
    _provenance.labels("yes" if c2pa else "no").inc()
