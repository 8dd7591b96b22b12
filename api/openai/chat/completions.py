"""POST /v1/chat/completions."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.jobs.validation import ValidJob
from api.openai.chat.answer import chat_answer
from api.openai.chat.chunks import ChatChunks
from api.openai.chat.request import read_request
from api.openai.context import json_context
from api.openai.event_stream import stream_response
from api.openai.results import JobResult
from api.openai.submit import submit_job
from api.openai.synchronous import synchronous_response


async def complete(request: Request) -> Response:
    """Answer a chat, with pictures or a text."""
    context, members = await json_context(request)
    services = context.services
    wanted = await read_request(members, context)
    with ExitStack() as place:
        place.enter_context(services.ceilings.long_polls.hold(context.caller.id))
        submitted = await submit_job(context, wanted.job, members)
        if wanted.stream and isinstance(wanted.job, ValidJob):
            writer = ChatChunks(
                services,
                submitted.id,
                wanted.job.job.model,
                created=int(context.at.timestamp()),
                with_usage=wanted.stream_usage,
            )
            return await stream_response(context, submitted.id, writer, place)

        async def render(result: JobResult) -> Mapping[str, Any]:
            return chat_answer(result, public_url=services.public_url).completion()

        return await synchronous_response(context, submitted.id, render, place)
