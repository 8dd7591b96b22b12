"""Input of a response as messages of the native API: texts, pictures, and the turns before it."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.openai.responses.ids import asset_of
from api.openai.results import JobResult, asset_facts
from models.errors import InvalidRequest, NotFound
from models.openai.file_ids import PREFIX, asset_of_file
from models.serializers import job_view

Message = dict[str, Any]

_TEXTS = frozenset({"input_text", "output_text", "text"})
_ROLES: Mapping[str, str] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}
_BEGINNINGS = ("http://", "https://", "data:", "asset_")
_MADE = "The pictures that you made before, in order, are attached to the next message."


def read_input(given: Any) -> list[Message]:
    """Return the messages of ``input``, a text or a list of items. Raises ``InvalidRequest``."""
    if isinstance(given, str):
        return [{"role": "user", "content": [{"type": "text", "text": given}]}]
    if given is None:
        raise InvalidRequest("input", "is required: a text, or a list of items")
    if not isinstance(given, list) or not given:
        raise InvalidRequest("input", "must be a text, or a list of items")
    messages: list[Message] = []
    pictures: list[dict[str, Any]] = []
    for number, item in enumerate(given):
        name = f"input.{number}"
        if not isinstance(item, Mapping):
            raise InvalidRequest(name, "must be an object")
        if item.get("type") == "image_generation_call":
            pictures.append(_made_before(item, name))
        elif item.get("type", "message") == "message":
            message = _message(item, name)
            if message["role"] == "user" and pictures:
                message["content"] += pictures
                pictures = []
            messages.append(message)
        else:
            raise InvalidRequest(f"{name}.type", "must be message or image_generation_call")
    if pictures:
        raise InvalidRequest("input", "ends with a picture; add a message that says what to do with it")
    return messages


def earlier_messages(result: JobResult, *, public_url: str) -> tuple[list[Message], list[dict[str, Any]]]:
    """Return the turns of an earlier response, and its pictures, as parts of the next message.

    Of the turns before it only the texts are left: a chain of edits may be of any length.
    """
    view = job_view(result.job, public_url=public_url)
    parts = [{"type": "text", "text": result.job.prompt}, *map(_image, view["images"])]
    before = [{**turn, "content": _texts(turn["content"])} for turn in view["messages"]]
    turns: list[Message] = [*before, {"role": "user", "content": parts}]
    made = [{"asset": facts["id"]} for facts in _facts(result, public_url)]
    texts = [text for text in (result.job.text, _MADE if made else None) if text]
    turns.append({"role": "assistant", "content": "\n".join(texts) or "(nothing)"})
    return turns, made


def with_pictures(messages: Sequence[Message], pictures: Sequence[dict[str, Any]]) -> list[Message]:
    """Return the messages, the pictures added to the last one."""
    *before, last = messages
    return [*before, {**last, "content": [*last["content"], *pictures]}]


def _texts(parts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [part for part in parts if "text" in part] or [{"type": "text", "text": "(pictures)"}]


def _facts(result: JobResult, public_url: str) -> list[dict[str, Any]]:
    return [asset_facts(each, public_url=public_url) for each in result.assets]


def _image(image: str) -> dict[str, Any]:
    named = image.startswith("asset_")
    return {"asset": image} if named else {"type": "image_url", "image_url": {"url": image}}


def _made_before(item: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a picture of an earlier response, by its id, or by its bytes."""
    picture, result = item.get("id"), item.get("result")
    if isinstance(picture, str):
        try:
            return {"asset": asset_of(picture)}
        except NotFound as error:
            if not isinstance(result, str):
                raise InvalidRequest(f"{name}.id", str(error), code="input_image_not_found") from error
    if isinstance(result, str) and result:
        return _image(f"data:image/png;base64,{result}")
    raise InvalidRequest(f"{name}.id", "is required")


def _message(item: Mapping[str, Any], name: str) -> Message:
    role = item.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise InvalidRequest(f"{name}.role", f"must be one of {', '.join(_ROLES)}")
    content = item.get("content")
    if isinstance(content, str):
        return {"role": _ROLES[role], "content": [{"type": "text", "text": content}]}
    if not isinstance(content, list):
        raise InvalidRequest(f"{name}.content", "must be a text or a list of parts")
    return {
        "role": _ROLES[role],
        "content": [_part(part, f"{name}.content.{position}") for position, part in enumerate(content)],
    }


def _part(part: Any, name: str) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in _TEXTS and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    if kind == "input_image":
        given = part.get("image_url") or part.get("file_id")
        given = given.get("url") if isinstance(given, Mapping) else given
        if isinstance(given, str) and given:
            return _image(_checked(given, name))
    raise InvalidRequest(name, "must be input_text with a text, or input_image with image_url or file_id")


def _checked(image: str, name: str) -> str:
    """Return an address, a data URL, or the id of a stored picture. Raises ``InvalidRequest``."""
    if image.startswith(PREFIX):
        try:
            return asset_of_file(image)
        except NotFound as error:
            raise InvalidRequest(name, str(error), code="input_image_not_found") from error
    if not image.startswith(_BEGINNINGS):
        raise InvalidRequest(name, "must have an http(s) URL, a data: URL or the id of a file")
    return image
