"""Parse a chat request: prompt, hints in it, image size, number of images, options."""

import binascii
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from models.channels import NStyle, SizeStyle
from models.errors import InvalidRequest
from worker.practice.drawing.png import prompt_of
from worker.practice.request_options import ALIASES, FAILURE_KINDS, RequestOptions, parse_failure_kind

# Hints in a prompt, such as ``[fail 429 twice]`` or ``#case:S010``

_HINT = re.compile(r"\[([^\[\]\n]{1,60})\]")
_FAILURE = re.compile(r"(fail )?(.+?)(?: (once|twice|\d+ ?x|\d+ times))?")
_COUNT = re.compile(r"n (\d+)|(\d+) pictures?")
_MEMBER = re.compile(r"(delay|deliver|progress|picture|retry after|interval) (.+)")
_KINDS = frozenset(FAILURE_KINDS) | frozenset(ALIASES.values())
_CASE = re.compile(r"#case:([\w.-]*\w)", re.IGNORECASE)
_COUNTED = {"once": 1, "twice": 2}
_SEVERAL = re.compile(r"\((\d+) separate images\)")


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


# Size of the image

DEFAULT_SIZE = (512, 512)
_SMALLEST, _LARGEST = 64, 2048
_PIXELS = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})", re.IGNORECASE)
_RATIO = re.compile(r"(\d{1,2})\s*[:：]\s*(\d{1,2})")
_IN_SYSTEM = re.compile(r"aspect_ratio=(\d{1,2}:\d{1,2})")
_IN_PROMPT = re.compile(
    r'(?:【\s*|比例\s*|ratio"?\s*[:=]?\s*"?|--ar\s+)(\d{1,2}\s*[:：]\s*\d{1,2})(?!\d)', re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class RelayStyle:
    """What a relay of one style understands; ``None``: every place is read."""

    size: SizeStyle | None = None
    n: NStyle | None = None


def requested_size(
    body: Mapping[str, Any], prompt: str, system: str = "", style: SizeStyle | None = None
) -> tuple[int, int]:
    """Return width and height from the place that the style reads, by default from any."""
    generation = body.get("generationConfig")
    places: Mapping[SizeStyle, Any] = {
        "size": body.get("size"),
        "aspect_ratio": body.get("aspect_ratio"),
        "image_config": _member(body.get("image_config"), "aspect_ratio"),
        "imageConfig": _member(_member(generation, "imageConfig"), "aspectRatio"),
        "system": found[1] if (found := _IN_SYSTEM.search(system)) else None,
        "prompt": found[1] if (found := _IN_PROMPT.search(prompt)) else None,
    }
    for place, value in places.items():
        if style in (None, place) and isinstance(value, str) and (size := _parse_size(value)):
            return size
    return DEFAULT_SIZE


def requested_number(body: Mapping[str, Any], prompt: str, style: NStyle | None) -> int:
    """Return how many images a request asks for where the style reads it: 1 to 10."""
    requested = body.get("n") if style in (None, "n") else None
    if style == "prompt" and (found := _SEVERAL.search(prompt)):
        requested = int(found[1])
    return min(max(requested, 1), 10) if isinstance(requested, int) else 1


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _parse_size(text: str) -> tuple[int, int] | None:
    if found := _PIXELS.fullmatch(text.strip()):
        return _clamp(int(found[1])), _clamp(int(found[2]))
    if (found := _RATIO.fullmatch(text.strip())) and int(found[1]) and int(found[2]):
        share = (int(found[1]) / int(found[2])) ** 0.5
        return _clamp(round(DEFAULT_SIZE[0] * share / 8) * 8), _clamp(round(DEFAULT_SIZE[1] / share / 8) * 8)
    return None


def _clamp(side: int) -> int:
    return min(max(side, _SMALLEST), _LARGEST)


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


def parse_request(
    body: bytes,
    defaults: RequestOptions,
    style: RelayStyle = RelayStyle(),
) -> ParsedRequest:
    """Parse the body of a call to ``/v1/chat/completions``. Raises ``InvalidRequest``."""
    try:
        call = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("body", f"this is not JSON: {error}") from error
    if not isinstance(call, dict) or not isinstance(call.get("messages"), list):
        raise InvalidRequest("messages", "a list of messages is required")
    prompt = _prompt(call["messages"])
    caption, members = parse_hints(prompt)
    options = _options(defaults, members, call.get("practice"))
    n = options.n or requested_number(call, prompt, style.n)
    model, stream = str(call.get("model") or "practice-image"), call.get("stream") is True
    input_prompt = _input_prompt(call["messages"]) if is_text_model(model) else None
    size = requested_size(call, prompt, _system(call["messages"]), style.size)
    return ParsedRequest(model, prompt, caption, stream, size, n, options, input_prompt)


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


def _prompt(messages: list[Any]) -> str:
    """Return the text of the last user message."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role", "user") == "user":
            return _text(message.get("content"))
    return ""


def _system(messages: list[Any]) -> str:
    """Return the text of the system messages."""
    found = (each for each in messages if isinstance(each, dict) and each.get("role") == "system")
    return "\n".join(_text(message.get("content")) for message in found)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


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
