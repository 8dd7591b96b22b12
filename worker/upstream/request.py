"""Build the HTTP request of a provider family from an image request."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import orjson

from models.errors import InvalidRequest
from models.openai.partial_pictures import PARTIAL_IMAGES, wanted_partials
from models.request import OWN_MEMBERS, ImagePart, ImageRequest, Message, TextPart
from worker.upstream.chat_messages import as_prompt, chat_messages, last_images, texts_of
from worker.upstream.presets.preset import Preset
from worker.upstream.sizes import SizeRequest, size_request

_VERSION = re.compile(r"v\d+\w*", re.ASCII)
_CHAT = "chat/completions"
_URL = re.compile(r"https?://[^\s<>\"'`，。；：！？、）】》」』]+", re.IGNORECASE)
_SECRET_HEADER = re.compile(r"key|token|auth|secret|cookie|password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One POST request, with the facts that the parser of its response needs."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    stream: bool
    input_urls: tuple[str, ...] = ()  #: all URLs of the request; an answer repeats them as echoes
    n: int | None = None  #: number of images requested by this call
    secrets: tuple[str, ...] = field(default=(), repr=False)  #: what the provider must not repeat to anyone


@dataclass(frozen=True, slots=True)
class _Content:
    """The body of a request with its type, and the path that takes it."""

    path: str
    body: bytes
    content_type: str = "application/json"


def build_request(
    request: ImageRequest,
    *,
    base_url: str,
    api_key: str,
    preset: Preset,
    idempotency_key: str | None = None,
) -> ProviderRequest:
    """Return the request in the format of the preset.

    Raises ``InvalidRequest`` if there are more input images than the provider accepts, if it has no such
    size, or if ``params`` can't be serialized as JSON.
    """
    inputs = request.input_images
    if len(inputs) > preset.max_images:
        raise InvalidRequest("images", f"{preset.name} takes at most {preset.max_images} input pictures.")
    size = size_request(request.size, preset.size_style, preset.sizes)
    content = _content(request, preset, size)
    text = " ".join(
        [
            request.prompt,
            *(part.text for turn in request.messages for part in turn.parts if isinstance(part, TextPart)),
            *(text for message in request.chat for text in texts_of(message)),
        ]
    )
    streams = preset.streams or _wants_partials(request, preset)
    hidden = [value for name, value in preset.headers.items() if _SECRET_HEADER.search(name)]
    headers = {
        "Accept": "text/event-stream, application/json" if streams else "application/json",
        "Accept-Encoding": "identity",  # images do not compress, and this avoids decompression bombs
        "Authorization": f"Bearer {api_key}",
        **preset.headers,
        "Content-Type": content.content_type,
    }
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    return ProviderRequest(
        url=endpoint(base_url, content.path),
        headers=headers,
        body=content.body,
        stream=streams,
        input_urls=tuple(dict.fromkeys((*inputs, *(match.group() for match in _URL.finditer(text))))),
        n=1 if request.n is not None and preset.n_style == "calls" else request.n,
        secrets=(api_key, *hidden),
    )


def endpoint(base_url: str, path: str = _CHAT) -> str:
    """Return the URL of a path of the provider's API.

    ``base_url`` may lack the API version, and may end with the path of chat completions. A path that begins
    with ``/`` starts at the root of the host.
    """
    parts = urlsplit(base_url.strip())
    root = parts.path.rstrip("/").removesuffix(f"/{_CHAT}")
    complete = root != parts.path.rstrip("/")
    if path.startswith("/"):
        full = path
    elif complete or any(_VERSION.fullmatch(segment) for segment in root.split("/")):
        full = f"{root}/{path}"
    else:
        full = f"{root}/v1/{path}"
    return urlunsplit((parts.scheme, parts.netloc, full, parts.query, ""))


def _content(request: ImageRequest, preset: Preset, size: SizeRequest) -> _Content:
    """Return the body: a conversation, unless the preset has a path of the images API for the request."""
    if preset.images_endpoint:
        request = as_prompt(request)
    if request.chat:
        return _chat_content(request, preset)
    if not request.messages and not request.system:
        if request.images and preset.paths.edits is not None:
            return _edit_content(request, preset, size, preset.paths.edits)
        if not request.images and preset.paths.images is not None:
            return _Content(
                preset.paths.images,
                _json(_with_params(_image_members(request, preset, size), request, preset)),
            )
    members: dict[str, Any] = {
        **_shared_members(request, preset, size),
        "stream": preset.streams,
        "messages": _messages(request, preset, size),
    }
    if preset.modalities:
        members["modalities"] = list(preset.modalities)
    if preset.image_style == "member" and request.images:
        members["image"] = list(request.images)
    return _Content(preset.paths.chat, _json(_with_params(members, request, preset)))


def _chat_content(request: ImageRequest, preset: Preset) -> _Content:
    """Return the body of a chat: its messages as they came, as far as the provider takes them so."""
    messages = chat_messages(request.chat, preset)
    members: dict[str, Any] = {
        **_shared_members(request, preset, SizeRequest()),
        "stream": preset.streams,
        "messages": messages,
    }
    if preset.modalities:
        members["modalities"] = list(preset.modalities)
    if preset.image_style == "member" and (images := last_images(request.chat)):
        members["image"] = images
    return _Content(preset.paths.chat, _json(_with_params(members, request, preset)))


def _image_members(request: ImageRequest, preset: Preset, size: SizeRequest) -> dict[str, Any]:
    """Return the members of a request of the images API."""
    streamed = {"stream": True} if _wants_partials(request, preset) else {}
    return {**_shared_members(request, preset, size), "prompt": _prompt(request, preset, size), **streamed}


def _wants_partials(request: ImageRequest, preset: Preset) -> bool:
    """Return whether a call of the images API is to stream partial pictures."""
    return preset.images_endpoint and wanted_partials(request.params) > 0


def _edit_content(request: ImageRequest, preset: Preset, size: SizeRequest, path: str) -> _Content:
    """Return the request of ``images/edits`` in the preset's style."""
    if preset.edit_style == "form":
        return _edit_form(request, preset, size, path)
    members = {
        **_image_members(request, preset, size),
        "images": [{"image_url": image} for image in request.images],
        **({} if request.mask is None else {"mask": {"image_url": request.mask}}),
    }
    return _Content(path, _json(_with_params(members, request, preset)))


def _edit_form(request: ImageRequest, preset: Preset, size: SizeRequest, path: str) -> _Content:
    """Return the form of ``images/edits``: OpenAI takes the images as files."""
    members = _with_params(_image_members(request, preset, size), request, preset)
    fields = {
        name: value if isinstance(value, str) else _json(value).decode() for name, value in members.items()
    }
    name = "image" if len(request.images) == 1 else "image[]"
    files = [(name, _file(url, f"image-{number}")) for number, url in enumerate(request.images)]
    if request.mask is not None:
        files.append(("mask", _file(request.mask, "mask")))
    form = httpx.Request("POST", "http://form.invalid", data=fields, files=files)
    return _Content(path, form.read(), form.headers["content-type"])


def _file(data_url: str, name: str) -> tuple[str, bytes, str]:
    """Return a data URL as a file: its name, bytes and content type."""
    head, _, data = data_url.partition(",")
    content_type = head.removeprefix("data:").removesuffix(";base64") or "image/png"
    return f"{name}.{content_type.rpartition('/')[2]}", base64.b64decode(data), content_type


def _with_params(members: dict[str, Any], request: ImageRequest, preset: Preset) -> dict[str, Any]:
    """Return the members with the channel's and the job's params; the job's win, ours can't be replaced."""
    hidden = OWN_MEMBERS if preset.images_endpoint else {*OWN_MEMBERS, PARTIAL_IMAGES}
    own = {name: value for name, value in request.params.items() if name not in hidden}
    return {**preset.params, **members, **own}


def _shared_members(request: ImageRequest, preset: Preset, size: SizeRequest) -> dict[str, Any]:
    """Return the members that a conversation and a request of the images API have alike."""
    members = {"model": preset.model_names.get(request.model, request.model), **size.members}
    if request.n is not None and request.n > 1 and preset.n_style == "n":
        members["n"] = request.n
    return members


def _prompt(request: ImageRequest, preset: Preset, size: SizeRequest) -> str:
    """Return the prompt with the words that ask for the size and the number of images."""
    several = request.n is not None and request.n > 1 and preset.n_style == "prompt"
    return request.prompt + size.suffix + (f"\n({request.n} separate images)" if several else "")


def _messages(request: ImageRequest, preset: Preset, size: SizeRequest) -> list[dict[str, Any]]:
    system = "\n".join(filter(None, (preset.system, request.system, size.system)))
    turns = [_message(turn, request, preset) for turn in request.messages]
    last = _last_message(request, preset, _prompt(request, preset, size))
    return [*([{"role": "system", "content": system}] if system else []), *turns, last]


def _last_message(request: ImageRequest, preset: Preset, prompt: str) -> dict[str, Any]:
    images = [] if preset.image_style == "member" else list(request.images)
    style = preset.content_style
    if style == "string" or (style == "auto" and not images):
        # with plain strings, URLs of input images precede the text
        return {"role": "user", "content": " ".join((*images, prompt))}
    parts: list[TextPart | ImagePart] = [ImagePart(image) for image in images]
    ordered = (*parts, TextPart(prompt)) if style == "images_first" else (TextPart(prompt), *parts)
    return _message(Message("user", ordered), request, preset)


def _message(turn: Message, request: ImageRequest, preset: Preset) -> dict[str, Any]:
    if all(isinstance(part, TextPart) for part in turn.parts) and preset.content_style in ("auto", "string"):
        return {"role": turn.role, "content": "\n".join(_texts(turn.parts))}
    return {"role": turn.role, "content": [_part(part, request) for part in turn.parts]}


def _texts(parts: Sequence[TextPart | ImagePart]) -> list[str]:
    return [part.text for part in parts if isinstance(part, TextPart)]


def _part(part: TextPart | ImagePart, request: ImageRequest) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    detail = {} if request.detail is None else {"detail": request.detail}
    return {"type": "image_url", "image_url": {"url": part.url, **detail}}


def _json(members: Any) -> bytes:
    try:
        return orjson.dumps(members)
    except orjson.JSONEncodeError as error:
        raise InvalidRequest("params", f"can't be written as JSON: {error}") from error
