"""Job and asset as JSON: the documents from which every surface is made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.clock import rfc3339
from models.ids import public_id
from models.queue_status import WaitStatus

NO_ESTIMATE: Mapping[str, Any] = {"queue_position": None, "queue_position_capped": False, "eta": None}
"""Queue position and ETA of a job for which they were not estimated, such as in lists."""


def job_view(
    job: Any,
    *,
    public_url: str,
    attempts: Sequence[Any] = (),
    assets: Sequence[Any] = (),
    waiting: WaitStatus | None = None,
    estimate: Mapping[str, Any] = NO_ESTIMATE,
) -> dict[str, Any]:
    """Return the document of a job, from its row and the rows that belong to it, of all generations."""
    return {
        "id": public_id("job", job.id),
        "object": "job",
        "status": job.status,
        "revision": job.revision,
        "generation": job.generation,
        "surface": job.surface,
        "model": job.model,
        "prompt": job.prompt,
        "progress": job.progress,
        "priority": job.priority,
        "campaign": job.campaign,
        "tags": job.tags,
        "created_at": rfc3339(job.created_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "expires_at": moment(job.expires_at),
        "retry": job.retry,
        "attempts": [_attempt(each) for each in attempts],
        "waiting": _waiting(waiting),
        **estimate,
        "error": job.error,
        "text": job.text,
        "assets": [asset_view(each, public_url=public_url) for each in assets if is_present(job, each)],
        "former_assets": [
            {**asset_view(each, public_url=public_url), "generation": each.generation}
            for each in assets
            if not is_present(job, each)
        ],
        "metadata": job.metadata,
        "links": links(public_id("job", job.id), public_url),
    }


def is_present(job: Any, asset: Any) -> bool:
    """Return whether an asset belongs to the present generation of its job, not to one before a retry."""
    return asset.generation is None or bool(asset.generation == job.generation)


def links(public: str, public_url: str) -> dict[str, str]:
    """Return the URLs of a job by its public id."""
    here = f"{public_url}/v1/jobs/{public}"
    return {"self": here, "cancel": f"{here}/cancel", "retry": f"{here}/retry", "events": f"{here}/events"}


def asset_view(asset: Any, *, public_url: str) -> dict[str, Any]:
    """Return the document of an asset."""
    return {
        "id": public_id("asset", asset.id),
        "url": f"{public_url}/assets/{asset.token}/{asset.position}.{asset.extension}",
        "source_url": asset.source_url,
        "content_type": asset.content_type,
        "width": asset.width,
        "height": asset.height,
        "bytes": asset.bytes,
        "sha256": asset.sha256,
        "problem": None if asset.missing_at is None else _file_problem(asset.missing_at),
    }


def _file_problem(missing_at: datetime) -> str:
    return f"The file of this image is gone: it was not in the storage on {rfc3339(missing_at)}."


def moment(value: datetime | None) -> str | None:
    """Return a time as RFC 3339, or ``None``."""
    return None if value is None else rfc3339(value)


def _attempt(attempt: Any) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "channel": attempt.channel,
        "outcome": attempt.outcome,
        "error_code": attempt.error_code,
        "http_status": attempt.http_status,
        "provider_request_id": attempt.provider_request_id,
        "started_at": rfc3339(attempt.sent_at),
        "finished_at": moment(attempt.finished_at),
        "billed": attempt.billed,
    }


def _waiting(waiting: WaitStatus | None) -> dict[str, Any] | None:
    if waiting is None:
        return None
    return {
        "reason": waiting.reason.value,
        "detail": waiting.detail,
        "since": rfc3339(waiting.since),
        "next_eligible_at": moment(waiting.next_eligible_at),
    }
