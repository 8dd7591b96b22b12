"""Endpoints that lines of a batch may name: how a body becomes a job, and its result the body of an answer.

Both by the same functions as the endpoint itself.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.jobs.validation import Rejection, ValidJob, validate
from api.openai.chat.answer import chat_answer
from api.openai.chat.messages import read_messages
from api.openai.chat.request import chat_request
from api.openai.images.answer import images_answer
from api.openai.images.inputs import check_inline_mask, take_images
from api.openai.images.request import EDIT, read_members
from api.openai.responses.document import response_document
from api.openai.responses.input import read_input
from api.openai.responses.request import response_request, with_instructions
from api.openai.results import JobResult
from api.services import ApiServices
from models.errors import InvalidRequest

Read = Callable[[Mapping[str, Any], ApiServices, datetime], ValidJob | Rejection]
"""Returns the job of a body, or why it is rejected. Raises ``InvalidRequest``; does no I/O."""

Render = Callable[[ApiServices, JobResult, bool], Awaitable[Mapping[str, Any]]]
"""Returns the body of the answer of a job that has succeeded; the flag: with its pictures as base64."""


@dataclass(frozen=True, slots=True)
class BatchEndpoint:
    """One endpoint."""

    read: Read
    render: Render


def _read_generation(body: Mapping[str, Any], services: ApiServices, at: datetime) -> ValidJob | Rejection:
    return validate(read_members(body, services).submission, services.settings, at)


def _read_edit(body: Mapping[str, Any], services: ApiServices, at: datetime) -> ValidJob | Rejection:
    rest = dict(body)
    inputs = take_images(rest)
    if not inputs.images:
        raise InvalidRequest("images", "is required: at least one picture")
    check_inline_mask(inputs, services)
    wanted = read_members(rest, services, inputs=inputs, kind=EDIT)
    return validate(wanted.submission, services.settings, at)


def _read_chat(body: Mapping[str, Any], services: ApiServices, at: datetime) -> ValidJob | Rejection:
    return chat_request(body, read_messages(body.get("messages")), services, at).job


def _read_response(body: Mapping[str, Any], services: ApiServices, at: datetime) -> ValidJob | Rejection:
    if body.get("previous_response_id") is not None:
        raise InvalidRequest(
            "previous_response_id", "can't be given in a batch, whose lines run in any order"
        )
    messages = with_instructions(body, read_input(body.get("input")))
    return response_request(body, messages, services, at).job


async def _render_response(services: ApiServices, result: JobResult, inline: bool) -> Mapping[str, Any]:
    return await response_document(services, result, inline=inline)


async def _render_images(services: ApiServices, result: JobResult, inline: bool) -> Mapping[str, Any]:
    return await images_answer(services, result, None if inline else "url")


async def _render_chat(services: ApiServices, result: JobResult, inline: bool) -> Mapping[str, Any]:
    body = chat_answer(result, public_url=services.public_url).completion()
    if inline:
        pictures = iter(result.assets)
        for choice in body["choices"]:
            for image in choice["message"].get("images", ()):
                image["image_url"] = {"url": await _data_url(services, next(pictures))}
    return body


async def _data_url(services: ApiServices, asset: Any) -> str:
    content = await services.store.get(asset.key)
    text = (await asyncio.to_thread(base64.b64encode, content)).decode("ascii")
    return f"data:{asset.content_type};base64,{text}"


ENDPOINTS: Mapping[str, BatchEndpoint] = {
    "/v1/images/generations": BatchEndpoint(_read_generation, _render_images),
    "/v1/images/edits": BatchEndpoint(_read_edit, _render_images),
    "/v1/chat/completions": BatchEndpoint(_read_chat, _render_chat),
    "/v1/responses": BatchEndpoint(_read_response, _render_response),
}
"""By path."""
