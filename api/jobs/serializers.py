"""Assets and events as JSON; jobs are in ``models.serializers``."""

from typing import Any

from models.clock import rfc3339
from models.ids import public_id
from models.serializers import asset_view


def serialize_asset(asset: Any, *, public_url: str) -> dict[str, Any]:
    """Return an asset on its own, with its job."""
    return {
        **asset_view(asset, public_url=public_url),
        "object": "asset",
        "job": None if asset.job_id is None else public_id("job", asset.job_id),
        "created_at": rfc3339(asset.created_at),
    }


def serialize_event(event: Any) -> dict[str, Any]:
    """Return one revision of a job."""
    return {
        "id": public_id("job", event.job_id),
        "revision": event.revision,
        "status": event.status,
        "progress": event.progress,
        "at": rfc3339(event.at),
        "detail": event.detail,
    }
