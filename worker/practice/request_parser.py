"""Parse a chat request: prompt, hints in it, options, and what the relay's style understands."""

import binascii
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from models.errors import InvalidRequest
from worker.practice.drawing.png import prompt_of
from worker.practice.relay_style import (
    ANY_STYLE,
    RelayStyle,
    check_content,
    prompt_of_messages,
    repeated_image,
    requested_number,
    requested_size,
    system_text,
)
from worker.practice.request_options import ALIASES, FAILURE_KINDS, RequestOptions, parse_failure_kind

# Hints in a prompt, such as ``[fail 429 twice]`` or ``#case:S010``

_HINT = re.compile(r"\[([^\[\]\n]{1,60})\]")
_FAILURE = re.compile(r"(fail )?(.+?)(?: (once|twice|\d+ ?x|\d+ times))?")
_COUNT = re.compile(r"n (\d+)|(\d+) pictures?")
_MEMBER = re.compile(r"(delay|deliver|progress|picture|retry after|interval|kill) (.+)")
_KINDS = frozenset(FAILURE_KINDS) | frozenset(ALIASES.values())
_CASE = re.compile(r"#case:([\w.-]*\w)", re.IGNORECASE)
_COUNTED = {"once": 1, "twice": 2}


def parse_hints(prompt: str) -> tuple[str, dict[str, Any]]:
    """Return the prompt without its hints, and the request options that they set."""
    members: dict[str, Any] = {}
    plain = prompt
    if "[" in prompt:
        plain = _HINT.sub(
            lambda found: "" if _parse_hint(found[1].lower().strip(), members) else found[0], prompt
        )
    if "#" in prompt and (cases := _CASE.findall(plain)):
        members["case"] = cases
        plain = _CASE.sub("", plain)
    return " ".join(plain.split()) if members else prompt, members


def _parse_hint(hint: str, members: dict[str, Any]) -> bool:
    """Add the option of one hint; return whether it was a hint."""
    if found := _COUNT.fullmatch(hint):
        members["n"] = int(found[1] or found[2])
    elif found := _MEMBER.fullmatch(hint):
        name = found[1].replace(" ", "_")
        members[name] = found[2].removesuffix("s") if name in ("retry_after", "interval") else found[2]
    elif (found := _FAILURE.fullmatch(hint)) and (kind := _kind(found[2], spelled=bool(found[1]))):
        members.setdefault("fail", []).append({"kind": kind, "times": _times(found[3])})
    else:
        return False
    return True


def _kind(word: str, *, spelled: bool) -> str | None:
    kind = str(parse_failure_kind(word))
    return kind if kind in _KINDS and (spelled or not word.isdigit()) else None


def _times(word: str | None) -> int | None:
    if word is None:
        return None
    return _COUNTED.get(word) or int(word.rstrip("times x"))


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A parsed request. ``prompt`` is the user's text, ``caption`` the same without hints."""

    model: str
    prompt: str
    caption: str
    stream: bool
    size: tuple[int, int]
    n: int
    options: RequestOptions
    input_prompt: str | None = None  #: of a text model: prompt of the first input image, if it is ours
    repeated_image: str | None = (
        None  #: the URL of the input image that is to be repeated, if it was understood
    )
    partials: int = 0  #: partial pictures of a streamed answer of the images API
    silent: bool = False  #: no images: the request does not name them as a modality, and the relay wants it


def parse_request(
    body: bytes,
    defaults: RequestOptions,
    style: RelayStyle = ANY_STYLE,
) -> ParsedRequest:
    """Parse the body of a call to ``/v1/chat/completions``. Raises ``InvalidRequest``."""
    try:
        call = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("body", f"this is not JSON: {error}") from error
    if not isinstance(call, dict) or not isinstance(call.get("messages"), list):
        raise InvalidRequest("messages", "a list of messages is required")
    prompt = prompt_of_messages(call["messages"])
    check_content(call["messages"], style.content)
    caption, members = parse_hints(prompt)
    options = _options(defaults, members, call.get("practice"))
    n = options.n or requested_number(call, prompt, style.n)
    model, stream = str(call.get("model") or "practice-image"), call.get("stream") is True
    input_prompt = _input_prompt(call["messages"]) if is_text_model(model) else None
    size = requested_size(call, prompt, system_text(call["messages"]), style.size)
    image = repeated_image(call, prompt, style)
    silent = style.modalities and "image" not in (call.get("modalities") or ())
    return ParsedRequest(model, prompt, caption, stream, size, n, options, input_prompt, image, silent=silent)


def is_text_model(model: str) -> bool:
    """Return whether a model answers in text: its name contains ``text``."""
    return "text" in model.lower()


def is_video_model(model: str) -> bool:
    """Return whether a model makes videos: its name contains ``video``."""
    return "video" in model.lower()


def _options(defaults: RequestOptions, hints: dict[str, Any], practice: object) -> RequestOptions:
    if practice is not None and not isinstance(practice, dict):
        raise InvalidRequest("practice", "an object is expected")
    if not hints and not practice:
        return defaults
    try:
        return defaults.replace(hints | (practice or {}))
    except ValidationError as error:
        detail = error.errors()[0]
        field = ".".join(map(str, ("practice", *detail["loc"])))
        raise InvalidRequest(field, detail["msg"].removeprefix("Value error, ")) from error


def _input_prompt(messages: list[Any]) -> str | None:
    """Return the prompt of the first inline input image, if the practice provider drew it."""
    for message in messages:
        parts = message.get("content") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else ():
            picture = part.get("image_url") if isinstance(part, dict) else None
            url = picture.get("url") if isinstance(picture, dict) else None
            if isinstance(url, str) and url.startswith("data:"):
                with suppress(ValueError):
                    return prompt_of(binascii.a2b_base64(url.partition(",")[2]))
    return None
