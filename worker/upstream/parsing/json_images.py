"""Images, videos and texts in JSON members, in the shapes that providers use."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from worker.upstream.parsing.base64_images import parse_base64_image, starts_like_image
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.urls import is_document, is_http_url, is_image, is_task_page, is_video, unescape

#: members that hold an image, or a list of images, anywhere in an answer
IMAGE_FIELDS = (
    *("images", "image", "multi_mod_content", "multi_modal_content", "attachments"),
    *("generated_image", "generated_images", "output_image", "image_base64", "b64_json"),
    *("image_url", "image_urls", "imageUrl", "imageUrls", "files", "predictions", "artifacts", "sample"),
    *("img_url", "result_image", "ResultImage"),
)
#: members of an image item that hold its bytes
_BYTES_FIELDS = (
    *("b64_json", "image_base64", "base64", "data", "inline_data", "inlineData", "source", "result"),
    *("bytes", "b64", "bytesBase64Encoded"),
)
_MAX_URL = 16_384  #: characters of a URL
_MIME_FIELDS = ("mime_type", "mimeType", "media_type", "mediaType", "content_type", "contentType")
_URL_FIELDS = (
    "image_url",
    "url",
    "image",
    "uri",
    "fileUri",
    "file_uri",
    "src",
    "file_data",
    "file",
    "fileData",
)
_DATA = re.compile(r"\s*(?:data:[\w/.+;=-]{0,120}?base64,\s{0,8}){1,3}", re.IGNORECASE)
_MARKDOWN = re.compile(r"\s*!?\[[^\[\]]{0,400}\]\(\s*<?([^\s<>]{1,16000}?)>?\s*\)\s*")
_ABSOLUTE_PATH = re.compile(r"/[^/\s]\S*")
_TEXT_TYPES = frozenset({"text", "output_text", "input_text", "refusal", "reasoning", "thinking"})


@dataclass(slots=True)
class ExtractedImages:
    """Images, videos and texts from JSON members, in order."""

    images: list[ResultImage] = field(default_factory=list)
    drafts: list[ResultImage] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    relative: list[str] = field(default_factory=list)  #: URLs of images without a host
    broken: bool = False  #: an image began, but is incomplete

    def add(self, other: "ExtractedImages") -> None:
        """Add the contents of another one, without its texts."""
        self.images += other.images
        self.drafts += other.drafts
        self.videos += other.videos
        self.relative += other.relative
        self.broken = self.broken or other.broken


def parse_image(text: str) -> ResultImage | None:
    """Parse a string in an image member: an http(s) URL, a ``data:`` URL, Markdown, or bare base64."""
    data = _DATA.match(text)
    if data and text[data.end() : data.end() + 4].lower() != "http":
        decoded = parse_base64_image(text[data.end() :])
    else:
        url = unescape((text[data.end() :] if data else text).strip()) if len(text) < _MAX_URL else ""
        if len(text) < _MAX_URL and (link := _MARKDOWN.fullmatch(url)):
            return parse_image(link[1])
        if is_http_url(url):
            return ResultImage(url=url) if not any(sign in url for sign in ' \n"<>') else None
        decoded = parse_base64_image(text) if starts_like_image(text) else None
    return ResultImage(data=decoded[0], mime=decoded[1]) if decoded else None


def extract_fields(message: Mapping[str, Any], extracted: ExtractedImages) -> None:
    """Collect the images of a message, a delta, or any object with image members."""
    for name in IMAGE_FIELDS:
        if value := message.get(name):
            extract_value(value, extracted)
    if isinstance(content := message.get("content"), list | dict):
        extract_value(_parts(content), extracted)
    if isinstance(parts := message.get("parts"), list):
        extract_value(parts, extracted)
    for name in ("video", "video_url", "videos"):
        if value := message.get(name):
            _extract_video(value, extracted)


def _parts(content: list[Any] | dict[str, Any]) -> object:
    """Return the parts of a message's content; plain strings become text parts."""
    if isinstance(content, dict):
        return content
    return [
        {"type": "text", "text": part} if isinstance(part, str) and parse_image(part) is None else part
        for part in content
    ]


def extract_value(value: object, extracted: ExtractedImages, *, depth: int = 0) -> None:
    """Collect images from the value of an image member: a string, a part, or a list of them."""
    if depth > 6:
        return
    if isinstance(value, str):
        _extract_string(value, extracted)
    elif isinstance(value, list):
        for item in _sort_by_index(value):
            extract_value(item, extracted, depth=depth + 1)
    elif isinstance(value, dict):
        _extract_part(value, extracted, depth)


def extract_arguments(arguments: str | Mapping[str, Any], extracted: ExtractedImages) -> None:
    """Collect images from the arguments of a tool call, in named members only."""
    try:
        value = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return
    if isinstance(value, Mapping):
        for name in ("image_url", "image_urls", "url", "image", "images", "b64_json"):
            if item := value.get(name):
                extract_value(item, extracted)


def _sort_by_index(items: list[Any]) -> Iterable[Any]:
    """Return the items sorted by ``index`` if all have one."""
    if all(isinstance(item, dict) and type(item.get("index")) is int for item in items):
        return sorted(items, key=lambda item: item["index"])
    return items


def _extract_string(value: str, extracted: ExtractedImages) -> None:
    image = parse_image(value)
    if image is None and len(value) < _MAX_URL and _ABSOLUTE_PATH.fullmatch(value) and is_image(value):
        extracted.relative.append(unescape(value))
    elif image is None:
        data = _DATA.match(value)
        extracted.broken = extracted.broken or starts_like_image(value, data.end() if data else 0)
    elif image.url is not None and is_video(image.url):
        extracted.videos.append(image.url)
    elif image.url is None or not (is_task_page(image.url) or is_document(image.url)):
        extracted.images.append(image)


def _extract_part(part: Mapping[str, Any], extracted: ExtractedImages, depth: int) -> None:
    kind = str(part.get("type") or "").lower()
    if part.get("thought") is True:
        draft = ExtractedImages()
        _extract_part({**part, "thought": None}, draft, depth + 1)
        extracted.drafts += draft.images + draft.drafts
        return
    if kind in _TEXT_TYPES or (isinstance(part.get("text"), str) and not _has_image(part)):
        text = part.get("text") or part.get("refusal")
        if kind not in ("reasoning", "thinking") and isinstance(text, str):
            extracted.texts.append(text)
        return
    if "citation" in kind or "audio" in kind or kind.startswith("input_"):
        return
    if "video" in kind or "video_url" in part:
        _extract_video(part, extracted)
        return
    _extract_item(part, extracted, depth)


def _extract_item(part: Mapping[str, Any], extracted: ExtractedImages, depth: int) -> None:
    """Add the one image of an item: its bytes if present, with its URL as the alternate."""
    mime = next((str(part[name]) for name in _MIME_FIELDS if part.get(name)), "image/")
    found = ExtractedImages()
    for name in (*_BYTES_FIELDS, *_URL_FIELDS):
        if value := part.get(name):
            extract_value(value, found, depth=depth + 1)
    for name in ("images", "parts", "content"):
        if isinstance(value := part.get(name), list):
            extract_value(value, extracted, depth=depth + 1)
    extracted.videos += found.videos
    extracted.drafts += found.drafts
    extracted.relative += found.relative
    extracted.broken = extracted.broken or found.broken
    if not mime.lower().startswith(("image/", "application/octet-stream")) or not found.images:
        return
    if any(isinstance(part.get(name), list) for name in (*_BYTES_FIELDS, *_URL_FIELDS)):
        extracted.images += found.images
        return
    first, *others = dict.fromkeys(found.images)
    alternates = tuple(other.address for other in others)
    extracted.images.append(ResultImage(first.url, first.data, first.mime, alternates or first.alternates))


def _has_image(part: Mapping[str, Any]) -> bool:
    return any(part.get(name) for name in (*_BYTES_FIELDS, *_URL_FIELDS))


def _extract_video(value: object, extracted: ExtractedImages) -> None:
    if isinstance(value, str) and is_http_url(url := unescape(value.strip())):
        extracted.videos.append(url)
    elif isinstance(value, list):
        for item in value:
            _extract_video(item, extracted)
    elif isinstance(value, dict):
        for name in ("video_url", "url", "video"):
            if value.get(name):
                _extract_video(value[name], extracted)
                return
