"""What callers see of jobs, pictures and events."""

from typing import Any

from models.clock import rfc3339
from models.ids import public_id
from models.serializers import asset_view, job_view, links, moment

__all__ = ["asset_view", "job_view", "links", "moment", "serialize_asset", "serialize_event"]


def serialize_asset(asset: Any, *, public_url: str) -> dict[str, Any]:
    """Describe a stored picture on its own: with its job."""
    return {
        **asset_view(asset, public_url=public_url),
        "object": "asset",
        "job": None if asset.job_id is None else public_id("job", asset.job_id),
        "created_at": rfc3339(asset.created_at),
    }


def serialize_event(event: Any) -> dict[str, Any]:
    """Describe one change of a job."""
    return {
        "id": public_id("job", event.job_id),
        "revision": event.revision,
        "status": event.status,
        "progress": event.progress,
        "at": rfc3339(event.at),
        "detail": event.detail,
    }
