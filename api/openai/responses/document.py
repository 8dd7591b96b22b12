"""Document of a response, from its job."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from api.openai.facts import images_usage, provider_facts
from api.openai.responses.ids import message_id, picture_id
from api.openai.results import JobResult, asset_facts
from api.services import ApiServices
from models.openai.events import response_id
from models.openai.partial_pictures import wanted_partials
from models.request import RESPONSE, is_background_response
from models.states import JobStatus

S = JobStatus
_STATES: Mapping[JobStatus, str] = {
    **dict.fromkeys((S.QUEUED, S.LEASED, S.AWAITING_INPUT), "queued"),
    **dict.fromkeys((S.RUNNING, S.STORING), "in_progress"),
    S.SUCCEEDED: "completed",
    S.CANCELLED: "cancelled",
    S.EXPIRED: "incomplete",
    **dict.fromkeys((S.FAILED, S.HELD), "failed"),
}
_CODES: Mapping[str, str] = {"moderation_blocked": "image_content_policy_violation"}


async def response_document(
    services: ApiServices, result: JobResult, *, inline: bool = True
) -> dict[str, Any]:
    """Return the document of a response; unless ``inline``, pictures by their addresses alone.

    Raises ``NotFound`` and ``StorageError`` of a picture's file.
    """
    status = _STATES[result.status]
    done = status == "completed"
    own = _own(result)
    usage = provider_facts(result).stated_usage if done else None
    return {
        "id": response_id(result.job.id),
        "object": "response",
        "created_at": int(result.job.created_at.timestamp()),
        "status": status,
        "background": bool(own.get("background")),
        "completed_at": int(result.job.finished_at.timestamp()) if done and result.job.finished_at else None,
        "error": _error(result) if status == "failed" else None,
        "incomplete_details": {"reason": "expired"} if status == "incomplete" else None,
        "instructions": own.get("instructions"),
        "max_output_tokens": None,
        "metadata": own.get("metadata") or {},
        "model": result.job.model,
        "output": await _output(services, result, inline) if done else [],
        "parallel_tool_calls": True,
        "previous_response_id": own.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": own.get("service_tier") or "default",
        "store": True,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": own.get("tool_choice") or "auto",
        "tools": own.get("tools") or [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None if usage is None else _usage(usage),
        "user": None,
        "darkroom": {"job": result.id, "progress": result.job.progress},
    }


def is_response(result: JobResult) -> bool:
    """Return whether a job was submitted as a response."""
    return isinstance(result.job.request, Mapping) and RESPONSE in result.job.request


def is_background(result: JobResult) -> bool:
    """Return whether a response runs in the background."""
    return is_background_response(result.job.request)


def _own(result: JobResult) -> Mapping[str, Any]:
    own = result.job.request.get(RESPONSE)
    return own if isinstance(own, Mapping) else {}


def _error(result: JobResult) -> dict[str, str]:
    failure = result.failure
    return {"code": _CODES.get(failure.code, failure.code), "message": failure.message}


async def _output(services: ApiServices, result: JobResult, inline: bool) -> list[dict[str, Any]]:
    output = [await _picture(services, each, inline) for each in result.assets]
    if output and wanted_partials(result.job.request.get("params")):
        output[0]["id"] = picture_id(result.id)
    if result.job.text:
        content = {"type": "output_text", "text": result.job.text, "annotations": [], "logprobs": []}
        output.append(
            {
                "id": message_id(result.id),
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [content],
            }
        )
    return output


async def _picture(services: ApiServices, asset: Any, inline: bool) -> dict[str, Any]:
    facts = asset_facts(asset, public_url=services.public_url)
    text = None
    if inline:
        content = await services.store.get(asset.key)
        text = (await asyncio.to_thread(base64.b64encode, content)).decode("ascii")
    found: dict[str, Any] = {
        "id": picture_id(facts["id"]),
        "type": "image_generation_call",
        "status": "completed",
        "result": text,
        "output_format": asset.content_type.removeprefix("image/"),
        "url": facts["url"],
        "sha256": facts["sha256"],
    }
    if asset.width and asset.height:
        found["size"] = f"{asset.width}x{asset.height}"
    return found


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    found = images_usage(usage)
    return {
        **found,
        "input_tokens_details": {**found["input_tokens_details"], "cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
