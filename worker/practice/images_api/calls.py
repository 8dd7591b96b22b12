"""POST /v1/images/generations and /v1/images/edits of the practice provider, as JSON or as a form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from aiohttp import web

from models.errors import InvalidRequest
from models.openai.partial_pictures import wanted_partials
from worker.practice.relay_style import RelayStyle
from worker.practice.request_options import RequestOptions
from worker.practice.request_parser import ParsedRequest, parse_request

_IMAGES = ("image", "image[]")
_TASKS = "task_"


@dataclass(frozen=True, slots=True)
class ImagesCall:
    """A call of an images endpoint: its members, and how many images came with it."""

    members: Mapping[str, Any]
    inputs: int = 0
    masked: bool = False


async def read_images_call(request: web.Request) -> ImagesCall:
    """Read the body of a call. Raises ``InvalidRequest``."""
    edit = request.path.endswith("/edits")
    if request.content_type == "multipart/form-data":
        form = await request.post()
        files = [name for name, value in form.items() if isinstance(value, web.FileField)]
        members = {name: _value(str(value)) for name, value in form.items() if isinstance(value, str)}
        call = ImagesCall(members, sum(name in _IMAGES for name in files), "mask" in files)
    else:
        call = _json_call(await request.read())
    if edit and not call.inputs:
        raise InvalidRequest("image", "an image is required")
    if not isinstance(call.members.get("prompt"), str):
        raise InvalidRequest("prompt", "a text is required")
    return call


def _json_call(body: bytes) -> ImagesCall:
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("body", f"this is not JSON: {error}") from error
    if not isinstance(members, dict):
        raise InvalidRequest("body", "an object is expected")
    images = members.pop("images", None) or []
    return ImagesCall(members, len(images), members.pop("mask", None) is not None)


def images_request(call: ImagesCall, defaults: RequestOptions, style: RelayStyle) -> ParsedRequest:
    """Return a call as one of chat completions whose answer is that of the images API."""
    for name in ("messages", "temperature", "modalities"):
        if name in call.members:
            raise InvalidRequest(name, "unknown parameter")
    message = {"role": "user", "content": call.members["prompt"]}
    body = orjson.dumps({**call.members, "messages": [message], "stream": False})
    parsed = parse_request(body, defaults, style)
    deliver = parsed.options.deliver
    if not deliver.startswith(_TASKS):
        parsed = replace(parsed, options=parsed.options.replace({"deliver": "b64_json"}))
    if call.members.get("stream") in (True, "true"):
        parsed = replace(parsed, partials=wanted_partials(call.members))
    return parsed


def _value(text: str) -> Any:
    """Return the value of a form's field: JSON, or a text."""
    try:
        return orjson.loads(text) if text[:1] in "{[0123456789" else text
    except orjson.JSONDecodeError:
        return text
