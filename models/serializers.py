"""Job and asset as JSON: the documents from which every surface is made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.checks.findings import found_in
from models.clock import rfc3339
from models.ids import public_id
from models.money.money import amount_text
from models.outcomes import Outcome
from models.queue_status import WaitStatus

NO_ESTIMATE: Mapping[str, Any] = {"queue_position": None, "queue_position_capped": False, "eta": None}
"""Queue position and ETA of a job for which they were not estimated, such as in lists."""


REQUEST_MEMBERS = (
    *("size", "n", "images", "mask", "system", "messages", "detail", "wants", "params"),
    *("max_attempts", "on_unknown", "webhook_url"),
)
"""Members of a job's document that, with model, prompt and the rest, make the same job again."""


def job_view(
    job: Any,
    *,
    public_url: str,
    attempts: Sequence[Any] = (),
    assets: Sequence[Any] = (),
    waiting: WaitStatus | None = None,
    estimate: Mapping[str, Any] = NO_ESTIMATE,
    examined: bool = True,
) -> dict[str, Any]:
    """Return the document of a job, from its row and the rows that belong to it, of all generations.

    ``examined``: with what is found in its assets after it has ended.
    """

    def view(asset: Any) -> dict[str, Any]:
        generation = job.generation if asset.generation is None else asset.generation
        number = _attempt_of(asset, generation, attempts)
        members = asset_view(asset, public_url=public_url, examined=examined)
        return {**members, "generation": generation, "attempt": number}

    return {
        "id": public_id("job", job.id),
        "object": "job",
        "status": job.status,
        "revision": job.revision,
        "generation": job.generation,
        "surface": job.surface,
        "model": job.model,
        "prompt": job.prompt,
        **_request_view(job),
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
        "assets": [view(each) for each in assets if is_present(job, each)],
        "former_assets": [view(each) for each in assets if not is_present(job, each)],
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


def asset_view(asset: Any, *, public_url: str, examined: bool = True) -> dict[str, Any]:
    """Return the document of an asset; ``examined``: with its thumbnails and what was found in it."""
    view = {
        "id": public_id("asset", asset.id),
        "url": f"{public_url}/assets/{asset.token}/{asset.position}.{asset.extension}",
        "source_url": asset.source_url,
        "content_type": asset.content_type,
        "width": asset.width,
        "height": asset.height,
        "bytes": asset.bytes,
        "sha256": asset.sha256,
        "position": asset.position,
        "problem": None if asset.missing_at is None else _file_problem(asset.missing_at),
    }
    if examined:
        view |= {"thumbnails": _thumbnails(asset, public_url), "checks": _checks(asset)}
    return view


def thumbnail_name(asset: Any, side: str) -> str:
    """Return the file name in the URL of a thumbnail, such as ``0-320.webp``."""
    return f"{asset.position}-{side}.webp"


def _thumbnails(asset: Any, public_url: str) -> dict[str, dict[str, Any]] | None:
    """Return URL and size of each thumbnail by its longer side; ``None``: there are none yet."""
    if not asset.thumbnails:
        return None
    return {
        side: {
            "url": f"{public_url}/assets/{asset.token}/{thumbnail_name(asset, side)}",
            "width": width,
            "height": height,
            "bytes": size,
        }
        for side, (width, height, size) in asset.thumbnails.items()
    }


def _checks(asset: Any) -> dict[str, Any] | None:
    """Return what was found in the image; ``None``: it was not examined yet."""
    if asset.checked_at is None:
        return None
    return {
        "checked_at": rfc3339(asset.checked_at),
        "found": [check.value for check in found_in(asset)],
        "duplicate_of": public_id("asset", asset.duplicate_of) if asset.duplicate_of else None,
        "near_duplicate_of": public_id("asset", asset.near_duplicate_of) if asset.near_duplicate_of else None,
        "problem": asset.check_problem,
    }


def _attempt_of(asset: Any, generation: int, attempts: Sequence[Any]) -> int | None:
    """Return the number of the call that made an asset: the last that succeeded before it was stored.

    ``None`` if the attempts are not known.
    """
    numbers = (
        each.number
        for each in attempts
        if each.generation == generation
        and each.outcome == Outcome.SUCCESS
        and each.sent_at <= asset.created_at
    )
    return max(numbers, default=None)


def _request_view(job: Any) -> dict[str, Any]:
    """Return what a job asks for, as its submit wrote it; input images that came as data are assets now."""
    request = job.request if isinstance(job.request, Mapping) else {}
    return {
        "size": request.get("size"),
        "n": request.get("n"),
        **_inputs_view(request),
        "system": request.get("system"),
        "detail": request.get("detail"),
        "wants": request.get("wants", "pictures"),
        "params": request.get("params") or {},
        "max_attempts": job.max_attempts,
        "on_unknown": job.on_unknown,
        "webhook_url": job.webhook_url,
    }


def _inputs_view(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return input images, mask and earlier turns; nothing of a row that does not hold them as written."""
    images, mask, turns = request.get("images") or [], request.get("mask"), request.get("turns") or []
    try:
        named = {part["image"] for turn in turns for part in turn["parts"] if "image" in part} | {mask}
        return {
            "images": [str(image) for position, image in enumerate(images) if position not in named],
            "mask": None if mask is None else images[mask],
            "messages": [_turn(turn, images) for turn in turns],
        }
    except (KeyError, IndexError, TypeError, AttributeError):
        return {"images": [], "mask": None, "messages": []}


def _turn(turn: Mapping[str, Any], images: Sequence[str]) -> dict[str, Any]:
    return {"role": turn["role"], "content": [_content(part, images) for part in turn["parts"]]}


def _content(part: Mapping[str, Any], images: Sequence[str]) -> dict[str, Any]:
    if "image" not in part:
        return {"type": "text", "text": part["text"]}
    image = images[part["image"]]
    return (
        {"asset": image} if image.startswith("asset_") else {"type": "image_url", "image_url": {"url": image}}
    )


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
        "cost": None if attempt.cost_micro is None else amount_text(attempt.cost_micro),
        "reserved": None if attempt.reserved_micro is None else amount_text(attempt.reserved_micro),
        "currency": attempt.currency,
        "cost_source": attempt.cost_source,
        "price_version": attempt.price_version,
        "routing": attempt.routing,
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
