"""Request of the Responses API, and the submitted job that it becomes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from api.jobs.validation import Rejection, ValidJob, validate
from api.openai.context import RequestContext
from api.openai.members import flag_of, model_of, native_fields, partials_of
from api.openai.own_pictures import with_input_images, with_own_pictures
from api.openai.responses.ids import job_of
from api.openai.responses.input import Message, earlier_messages, read_input, with_pictures
from api.openai.results import read_result
from api.services import ApiServices
from models.errors import InvalidRequest, NotFound
from models.ids import parse_id, public_id
from models.operations.erased_prompts import is_erased
from models.queries.assets import list_assets
from models.request import ANY, RESPONSE
from models.states import JobStatus

_TOOL = "image_generation"
_PLACE = "messages."  # of an item of ``input``, as the native API calls it
_MESSAGES = frozenset({"input", "instructions", "previous_response_id"})
_WINDOWS: Mapping[str, tuple[int, float | None]] = {
    "soonest": (5, None),
    "2h": (4, 7_200.0),
    "8h": (3, 28_800.0),
}
"""Priority and seconds until the latest start, by ``background_options.completion_window``."""

_OURS = frozenset(
    {
        *("include", "parallel_tool_calls", "store", "stream_options", "text", "tool_choice", "truncation"),
        *("prompt_cache_key", "prompt_cache_retention", "max_tool_calls", "reasoning", "conversation"),
    }
)
"""Members that say how OpenAI answers, and nothing to a provider of chat completions."""


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """What a client of the Responses API asks for."""

    job: ValidJob | Rejection
    background: bool
    stream: bool


async def read_request(members: Mapping[str, Any], context: RequestContext) -> ResponseRequest:
    """Return what a request asks for. Raises ``InvalidRequest``."""
    messages = await _messages(members, context)
    wanted = response_request(members, messages, context.services, context.at)
    if not isinstance(wanted.job, ValidJob):
        return wanted
    images = await with_own_pictures(context.services, context.caller, wanted.job.images)
    images = await _with_first_pictures(context, images)
    return replace(wanted, job=with_input_images(wanted.job, images, wanted.job.fields))


def response_request(
    members: Mapping[str, Any], messages: Sequence[Message], services: ApiServices, at: datetime
) -> ResponseRequest:
    """Return what the members of a body ask for, with these messages. Raises ``InvalidRequest``."""
    rest = {name: value for name, value in members.items() if name not in _MESSAGES}
    fields = native_fields(rest)
    background, stream = flag_of(rest, "background"), flag_of(rest, "stream")
    fields = _window(rest.pop("background_options", None)) | fields
    echoed = {
        name: members.get(name)
        for name in (
            "instructions",
            "metadata",
            "previous_response_id",
            "tools",
            "tool_choice",
            "service_tier",
        )
    }
    tool = _image_tool(rest.pop("tools", None), stream=stream)
    submission: dict[str, Any] = {"model": model_of(rest, services), "messages": list(messages), **fields}
    if tool.get("size") is not None:
        submission["size"] = tool.pop("size")
    if tool.pop("input_image_mask", None):
        raise InvalidRequest("tools", "send a mask to /v1/images/edits: a conversation has none")
    passed = {name: value for name, value in rest.items() if name not in _OURS and value is not None}
    submission["params"] = passed | tool
    same = isinstance(members.get("input"), list) and len(members["input"]) == len(messages)
    valid = _named(validate(submission, services.settings, at), same_places=same)
    if isinstance(valid, ValidJob):
        own = {RESPONSE: {**echoed, "background": background}}
        valid = valid.with_request(**own) if _forced(members) else valid.with_request(wants=ANY, **own)
    return ResponseRequest(valid, background, stream)


def _named(valid: ValidJob | Rejection, *, same_places: bool) -> ValidJob | Rejection:
    """Return a job, or its rejection, whose messages are named as items of ``input``."""

    def name(field: str) -> str:
        if not field.startswith(_PLACE):
            return field
        return f"input.{field.removeprefix(_PLACE)}" if same_places else "input"

    if isinstance(valid, ValidJob):
        return replace(valid, fields=[name(field) for field in valid.fields])
    return Rejection(valid.code, [{**each, "field": name(each["field"])} for each in valid.errors])


async def _messages(members: Mapping[str, Any], context: RequestContext) -> list[Message]:
    """Return input, instructions and the earlier response of a body as messages."""
    messages, previous = read_input(members.get("input")), members.get("previous_response_id")
    if previous is not None:
        earlier, pictures = await _earlier(previous, context)
        messages = [*earlier, *with_pictures(messages, pictures)]
    return with_instructions(members, messages)


def with_instructions(members: Mapping[str, Any], messages: Sequence[Message]) -> list[Message]:
    """Return the messages of a body behind its instructions. Raises ``InvalidRequest``."""
    instructions = members.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        raise InvalidRequest("instructions", "must be a text")
    system = [{"role": "system", "content": instructions}] if instructions and instructions.strip() else []
    return [*system, *messages]


async def _earlier(previous: Any, context: RequestContext) -> tuple[list[Message], list[dict[str, Any]]]:
    """Return the turns of an earlier response, and its pictures. Raises ``InvalidRequest``."""
    code = "previous_response_not_found"
    try:
        result = await read_result(context.services, context.caller, job_of(str(previous)))
    except NotFound as error:
        raise InvalidRequest("previous_response_id", str(error), code=code) from error
    if result.status is not JobStatus.SUCCEEDED:
        why = "is not completed; wait until it is"
        raise InvalidRequest("previous_response_id", why, code="previous_response_not_completed")
    if is_erased(result.job.request):
        why = "its words were erased (retention of prompts); send its turns as input"
        raise InvalidRequest("previous_response_id", why, code=code)
    return earlier_messages(result, public_url=context.services.public_url)


async def _with_first_pictures(context: RequestContext, images: Sequence[str]) -> list[str]:
    """Return the images; what names the call of an earlier job is replaced by the first picture it made."""
    jobs = dict[UUID, str]()
    for image in images:
        with suppress(NotFound):
            jobs[parse_id("asset", image)] = image
    if not jobs:
        return list(images)
    async with context.services.database.reading() as connection:
        assets = await list_assets(connection, list(jobs))
    made = {
        jobs[each.job_id]: public_id("asset", each.id)
        for each in assets  # the newest generation is the last
        if each.position == 0 and each.caller_id == context.caller.id
    }
    return [made.get(image, image) for image in images]


def _window(options: Any) -> dict[str, Any]:
    """Return the fields of a job for the window in which it shall be completed. Raises ``InvalidRequest``."""
    window = options.get("completion_window") if isinstance(options, Mapping) else None
    if window is None:
        return {}
    if not isinstance(window, str) or window not in _WINDOWS:
        field = "background_options.completion_window"
        raise InvalidRequest(field, f"must be one of {', '.join(_WINDOWS)}")
    priority, seconds = _WINDOWS[window]
    return {"priority": priority} | ({} if seconds is None else {"expires_in": seconds})


def _image_tool(tools: Any, *, stream: bool) -> dict[str, Any]:
    """Return the options of the tool that makes pictures. Raises ``InvalidRequest`` for any other tool."""
    found: dict[str, Any] = {}
    if tools is not None and not isinstance(tools, list):
        raise InvalidRequest("tools", "must be a list")
    for number, tool in enumerate(tools or ()):
        if not isinstance(tool, Mapping) or tool.get("type") != _TOOL:
            raise InvalidRequest(
                f"tools.{number}.type", f"must be {_TOOL}: responses have no other tool here"
            )
        options = {name: value for name, value in tool.items() if name != "type" and value is not None}
        partials = partials_of(options, stream=stream, place=f"tools.{number}.")
        found |= options | partials
    found.pop("model", None)  # the request's model is the one that draws
    return found


def _forced(members: Mapping[str, Any]) -> bool:
    """Return whether only pictures are wanted."""
    choice = members.get("tool_choice")
    return choice == "required" or (isinstance(choice, Mapping) and choice.get("type") == _TOOL)
