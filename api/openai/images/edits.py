"""POST /v1/images/edits, as a form with files or as JSON."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.openai.context import authenticated, context_of, json_context
from api.openai.forms import flags_of, is_form, numbers_of, open_form
from api.openai.images.generations import make_images
from api.openai.images.inputs import InputImages, check_mask, store_files, take_images
from api.openai.images.request import EDIT, read_request
from api.openai.own_pictures import with_own_pictures
from models.errors import InvalidRequest

_NUMBERS = ("n", "partial_images", "output_compression", "frame_count", "frame_duration_ms")


async def edit(request: Request) -> Response:
    """Change pictures as a prompt says."""
    if not is_form(request):
        context, members = await json_context(request)
        rest = dict(members)
        inputs = take_images(rest)
        inputs.images = await with_own_pictures(context.services, context.caller, inputs.images)
        await check_mask(context.services, context.caller, inputs, context.at)
        wanted = read_request(rest, context, inputs=_some(inputs), kind=EDIT)
        return await make_images(context, wanted, members)
    services, caller = await authenticated(request)
    async with open_form(request) as form:
        context = await context_of(request, services, caller, form.digest)
        members = flags_of(numbers_of(form.members, _NUMBERS), ("stream",))
        given: dict[str, Any] = dict(members)
        named = take_images(given)  # addresses in text fields, as some clients send them
        stored = await store_files(services, caller, form)
        inputs = InputImages([*named.images, *stored.images], stored.mask or named.mask)
        await check_mask(services, caller, inputs, context.at)
    return await make_images(context, read_request(given, context, inputs=_some(inputs), kind=EDIT), members)


def _some(inputs: InputImages) -> InputImages:
    if not inputs.images:
        raise InvalidRequest("image", "is required: send at least one picture")
    return inputs
