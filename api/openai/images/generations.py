"""POST /v1/images/generations."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.jobs.validation import validate
from api.openai.context import RequestContext, json_context
from api.openai.event_stream import stream_response
from api.openai.images.answer import images_answer
from api.openai.images.events import ImageEvents
from api.openai.images.request import ImagesRequest, read_request
from api.openai.results import JobResult
from api.openai.submit import submit_job
from api.openai.synchronous import synchronous_response
from api.openai.tasks.submit import task_response
from models.openai.partial_pictures import wanted_partials


async def generate(request: Request) -> Response:
    """Make pictures of a prompt."""
    context, members = await json_context(request)
    return await make_images(context, read_request(members, context), members)


async def make_images(context: RequestContext, wanted: ImagesRequest, members: Mapping[str, Any]) -> Response:
    """Submit the job of a request with these members, and answer with its pictures."""
    services = context.services
    valid = validate(wanted.submission, services.settings, context.at)
    if wanted.as_task:
        return await task_response(context, (await submit_job(context, valid, members)).id)
    with ExitStack() as place:
        place.enter_context(services.ceilings.long_polls.hold(context.caller.id))
        submitted = await submit_job(context, valid, members)

        async def render(result: JobResult) -> Mapping[str, Any]:
            return await images_answer(services, result, wanted.response_format)

        if wanted.stream:
            writer = ImageEvents(services, wanted.kind, partials=wanted_partials(wanted.submission["params"]))
            return await stream_response(context, submitted.id, writer, place)
        return await synchronous_response(context, submitted.id, render, place)
