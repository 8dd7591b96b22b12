"""Build the HTTP request of a provider family from an image request."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import gcd
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from models.errors import InvalidRequest
from models.request import OWN_MEMBERS, ImageRequest
from worker.upstream.presets import Preset

_VERSION = re.compile(r"v\d+\w*", re.ASCII)
_PIXELS = re.compile(r"\s*(\d{1,5})\s*[xX×*]\s*(\d{1,5})\s*", re.ASCII)
_URL = re.compile(r"https?://[^\s<>\"'`，。；：！？、）】》」』]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One POST request, with the facts that the parser of its response needs."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    stream: bool
    input_urls: tuple[str, ...] = ()  #: all URLs of the request; an answer repeats them as echoes
    n: int | None = None  #: number of images requested
    secrets: tuple[str, ...] = field(default=(), repr=False)  #: what the provider must not repeat to anyone


def build_request(
    request: ImageRequest,
    *,
    base_url: str,
    api_key: str,
    preset: Preset,
    idempotency_key: str | None = None,
) -> ProviderRequest:
    """Return the request in the format of the preset.

    Raises ``InvalidRequest`` if there are more input images than the provider accepts, or if ``params``
    can't be serialized as JSON.
    """
    if len(request.images) > preset.max_images:
        raise InvalidRequest("images", f"{preset.name} takes at most {preset.max_images} input pictures.")
    return ProviderRequest(
        url=endpoint(base_url),
        headers=_headers(api_key, preset, idempotency_key),
        body=_body(request, preset),
        stream=preset.streams,
        input_urls=(*request.images, *(match.group() for match in _URL.finditer(request.prompt))),
        n=request.n,
        secrets=(api_key,),
    )


def endpoint(base_url: str) -> str:
    """Return the URL of chat completions; ``base_url`` may lack the API version and the path."""
    parts = urlsplit(base_url.strip())
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        has_version = any(_VERSION.fullmatch(segment) for segment in path.split("/"))
        path += "/chat/completions" if has_version else "/v1/chat/completions"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _headers(api_key: str, preset: Preset, idempotency_key: str | None) -> dict[str, str]:
    headers = {
        "Accept": "text/event-stream, application/json" if preset.streams else "application/json",
        "Accept-Encoding": "identity",  # images do not compress, and this avoids decompression bombs
        "Content-Type": "application/json",
        "Authorization": f"Bearer {api_key}",
        **preset.headers,
    }
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    return headers


def _body(request: ImageRequest, preset: Preset) -> bytes:
    members: dict[str, Any] = {
        "model": request.model,
        "stream": preset.streams,
        "messages": [{"role": "user", "content": _content(request, preset)}],
    }
    if request.size and preset.size == "param":
        members["size" if _PIXELS.fullmatch(request.size) else "aspect_ratio"] = request.size
    if request.n is not None and request.n > 1 and preset.honours_n:
        members["n"] = request.n
    members.update((name, value) for name, value in request.params.items() if name not in OWN_MEMBERS)
    try:
        return orjson.dumps(members)
    except orjson.JSONEncodeError as error:
        raise InvalidRequest("params", f"can't be written as JSON: {error}") from error


def _content(request: ImageRequest, preset: Preset) -> str | list[dict[str, Any]]:
    prompt = request.prompt
    if request.size and preset.size == "prompt":
        prompt += f"【{aspect_ratio(request.size)}】"
    if preset.content == "string" or (preset.content == "auto" and not request.images):
        # with plain strings, URLs of input images precede the text
        return " ".join((*request.images, prompt))
    images = [{"type": "image_url", "image_url": {"url": image}} for image in request.images]
    return [{"type": "text", "text": prompt}, *images]


def aspect_ratio(size: str) -> str:
    """Return ``1024x1536`` as ``2:3``; other values unchanged."""
    match = _PIXELS.fullmatch(size)
    if not match:
        return size
    width, height = int(match[1]), int(match[2])
    divisor = gcd(width, height) or 1
    return f"{width // divisor}:{height // divisor}"
