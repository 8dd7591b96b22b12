"""A task as midjourney-proxy's clients read it: every member always there, each of one type."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from models.midjourney.buttons import button_view, buttons_on
from models.midjourney.protocol import TaskStatus
from models.midjourney.task_status import TaskState, task_state_of
from models.settings import Settings

INSTANCE = "darkroom"
"""What stands where others name a Discord account."""


def task_view(
    task: Any, *, parts: Sequence[Any], assets: Mapping[UUID, Any], preview: Any | None, settings: Settings
) -> dict[str, Any]:
    """Describe a task. ``preview`` is the asset to show until it has ended; ``assets`` has its own ones."""
    position, public_url = task_state_of(task, parts), settings.public_url.rstrip("/")
    done = position.status is TaskStatus.SUCCESS
    shown = assets.get(task.asset_id) if done else preview
    pictures = [assets[key] for key in map(UUID, task.pictures) if key in assets] if done else []
    return {
        "id": str(task.id),
        "action": task.action,
        "status": position.status.value,
        "progress": position.progress,
        "prompt": task.prompt,
        "promptEn": task.prompt,
        "description": task.description,
        "state": task.state,
        "submitTime": milliseconds(task.submitted_at),
        "startTime": milliseconds(position.started_at),
        "finishTime": milliseconds(task.finished_at),
        "imageUrl": picture_url(None if _is_video(shown) else shown, public_url),
        "imageUrls": _links([each for each in pictures if not _is_video(each)], public_url),
        "videoUrl": picture_url(shown if _is_video(shown) else None, public_url),
        "videoUrls": _links([each for each in pictures if _is_video(each)], public_url),
        "failReason": task.fail_reason,
        "botType": task.bot,
        "mode": task.mode,
        "parentId": None if task.parent_id is None else str(task.parent_id),
        "properties": _properties(task),
        "buttons": _buttons(task, settings) if done else [],
        "displays": _displays(task, position),
    }


def picture_url(asset: Any | None, public_url: str) -> str | None:
    """Return a picture's public address: it needs no key and does not change."""
    return None if asset is None else f"{public_url}/assets/{asset.token}/{asset.position}.{asset.extension}"


def milliseconds(moment: datetime | None) -> int | None:
    """Write a time as clients count it: milliseconds since 1970."""
    return None if moment is None else int(moment.timestamp() * 1000)


def _is_video(asset: Any | None) -> bool:
    return asset is not None and asset.content_type.startswith("video/")


def _links(pictures: Sequence[Any], public_url: str) -> list[dict[str, Any]] | None:
    """List the single pictures; never an empty list, which a web client takes for pictures to show."""
    links = [picture_url(picture, public_url) for picture in pictures]
    return [{"url": link, "thumbnail": link} for link in links] or None


def _properties(task: Any) -> dict[str, Any]:
    """Return an object with the strings that clients read without looking whether they are there."""
    usual = {"finalPrompt": task.prompt or "", "finalZhPrompt": "", "discordInstanceId": INSTANCE}
    return {**usual, **task.properties}


def _buttons(task: Any, settings: Settings) -> list[dict[str, Any]]:
    return [button_view(press) for press in buttons_on(task, settings)]


def _displays(task: Any, position: TaskState) -> dict[str, str]:
    """Return words for tables; where nothing is known, an empty word."""
    return {
        "status": position.status.value,
        "action": task.action,
        "submitTime": _readable(task.submitted_at),
        "startTime": _readable(position.started_at),
        "finishTime": _readable(task.finished_at),
        "discordInstanceId": INSTANCE,
    }


def _readable(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat(" ", "seconds")[:19]
