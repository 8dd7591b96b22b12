"""Task as midjourney-proxy JSON: every member is always present, each of one type."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from models.midjourney.buttons import button_view, buttons_of_task
from models.midjourney.protocol import ENDED, TaskStatus
from models.midjourney.task_status import TaskState, task_state_of
from models.settings import Settings

DISCORD_INSTANCE = "darkroom"
"""Value of members that name a Discord account elsewhere."""


def task_view(
    task: Any,
    *,
    parts: Sequence[Any],
    assets: Mapping[UUID, Any],
    preview: Any | None,
    settings: Settings,
    at: datetime,
) -> dict[str, Any]:
    """Return a task as JSON, as it is shown at a time.

    ``preview`` is the asset to show until the task has ended; ``assets`` has the task's own ones by id. Only
    a task of several images has ``imageUrls``: web clients offer a choice among them, and edit ``imageUrl``
    where there are none.
    """
    state, public_url = task_state_of(task, parts, at), settings.public_url.rstrip("/")
    done = state.status is TaskStatus.SUCCESS
    finished_at = task.finished_at if state.status in ENDED else None
    shown = assets.get(task.asset_id) if done else preview
    results = [assets[key] for key in map(UUID, task.pictures) if key in assets] if done else []
    images = [asset for asset in results if not _is_video(asset)] if len(task.pictures) > 1 else []
    return {
        "id": str(task.id),
        "action": task.action,
        "status": state.status.value,
        "progress": state.progress,
        "prompt": task.prompt,
        "promptEn": task.prompt,
        "description": task.description,
        "state": task.state,
        "submitTime": milliseconds(task.submitted_at),
        "startTime": milliseconds(state.started_at),
        "finishTime": milliseconds(finished_at),
        "imageUrl": image_url(None if _is_video(shown) else shown, public_url),
        "imageUrls": _links(images, public_url),
        "videoUrl": image_url(shown if _is_video(shown) else None, public_url),
        "videoUrls": _links([asset for asset in results if _is_video(asset)], public_url),
        "failReason": task.fail_reason,
        "botType": task.bot,
        "mode": task.mode,
        "parentId": None if task.parent_id is None else str(task.parent_id),
        "properties": _properties(task),
        "buttons": _buttons(task, settings) if done else [],
        "displays": _displays(task, state, finished_at),
    }


def image_url(asset: Any | None, public_url: str) -> str | None:
    """Return an asset's public URL: it needs no key and does not change."""
    return None if asset is None else f"{public_url}/assets/{asset.token}/{asset.position}.{asset.extension}"


def milliseconds(moment: datetime | None) -> int | None:
    """Return a time in milliseconds since 1970 (UTC)."""
    return None if moment is None else int(moment.timestamp() * 1000)


def _is_video(asset: Any | None) -> bool:
    return asset is not None and asset.content_type.startswith("video/")


def _links(assets: Sequence[Any], public_url: str) -> list[dict[str, Any]] | None:
    """Return the URLs of single results; never an empty list, which a web client takes for results."""
    urls = [image_url(asset, public_url) for asset in assets]
    return [{"url": url, "thumbnail": url} for url in urls] or None


def _properties(task: Any) -> dict[str, Any]:
    """Return the task's properties, with the strings that clients read without a check."""
    defaults = {
        "finalPrompt": task.prompt or "",
        "finalZhPrompt": "",
        "messageHash": str(task.hash),  # bots build customIds from it
        "discordInstanceId": DISCORD_INSTANCE,
    }
    return {**defaults, **task.properties}


def _buttons(task: Any, settings: Settings) -> list[dict[str, Any]]:
    return [button_view(button) for button in buttons_of_task(task, settings)]


def _displays(task: Any, state: TaskState, finished_at: datetime | None) -> dict[str, str]:
    """Return texts for tables of an admin page; an unknown one is empty."""
    return {
        "status": state.status.value,
        "action": task.action,
        "submitTime": _readable(task.submitted_at),
        "startTime": _readable(state.started_at),
        "finishTime": _readable(finished_at),
        "discordInstanceId": DISCORD_INSTANCE,
    }


def _readable(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat(" ", "seconds")[:19]
