"""Request of chat completions, and the submitted job that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from api.jobs.validation import Rejection, ValidJob, validate
from api.openai.chat.messages import Chat, read_messages
from api.openai.context import RequestContext
from api.openai.members import flag_of, model_of, native_fields
from api.openai.own_pictures import with_own_pictures
from api.services import ApiServices
from models.errors import InvalidRequest
from models.request import ANY

_PICTURES = "image"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a client of chat completions asks for."""

    job: ValidJob | Rejection
    stream: bool = False
    stream_usage: bool = False  #: whether the stream ends with the usage


async def read_request(members: Mapping[str, Any], context: RequestContext) -> ChatRequest:
    """Return what a request asks for. Raises ``InvalidRequest``."""
    chat = read_messages(members.get("messages"))
    chat = replace(chat, images=await with_own_pictures(context.services, context.caller, chat.images))
    return chat_request(members, chat, context.services, context.at)


def chat_request(members: Mapping[str, Any], chat: Chat, services: ApiServices, at: datetime) -> ChatRequest:
    """Return what the members of a body ask for; ``chat``: its messages. Raises ``InvalidRequest``."""
    rest = {name: value for name, value in members.items() if name != "messages"}
    fields = native_fields(rest)
    if chat.length > services.settings.prompt_limit:
        limit = f"may have at most {services.settings.prompt_limit:,} characters"
        raise InvalidRequest("messages", limit, code="prompt_too_long")
    stream, options = flag_of(rest, "stream"), rest.pop("stream_options", None)
    usage = isinstance(options, Mapping) and options.get("include_usage") is True
    submission = {"model": model_of(rest, services), "prompt": chat.prompt, **fields}
    if (number := rest.pop("n", None)) is not None:
        submission["n"] = number
    submission["params"] = {name: value for name, value in rest.items() if value is not None}
    valid = validate(submission, services.settings, at)
    if isinstance(valid, ValidJob):
        valid = chat.of(valid)
        if not _wants_pictures(rest):
            valid = valid.with_request(wants=ANY)
    return ChatRequest(valid, stream, usage)


def _wants_pictures(members: Mapping[str, Any]) -> bool:
    """Return whether only pictures are wanted: the modalities name them and no text."""
    modalities = members.get("modalities")
    return isinstance(modalities, list) and _PICTURES in modalities and "text" not in modalities
