"""Pictures, words and handles in the JSON shapes that providers answer with."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from worker.upstream.parsing.base64_images import parse_base64_image, starts_like_image
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.urls import is_document, is_image, is_task_page, is_video, is_web, unescape

#: members whose value is a picture, or a list of pictures, wherever they occur in an answer
IMAGE_FIELDS = (
    "images",
    "image",
    "multi_mod_content",
    "multi_modal_content",
    "attachments",
    "generated_image",
    "generated_images",
    "output_image",
    "image_base64",
    "b64_json",
    "image_url",
    "image_urls",
    "imageUrl",
    "imageUrls",
    "files",
    "predictions",
    "artifacts",
    "sample",
    "img_url",
    "result_image",
    "ResultImage",
)
#: inside an item that is a picture: where its bytes or its address may be
_BYTES = (
    "b64_json",
    "image_base64",
    "base64",
    "data",
    "inline_data",
    "inlineData",
    "source",
    "result",
    "bytes",
    "b64",
    "bytesBase64Encoded",
)
_LONGEST = 16_384  #: characters of an address
_TYPES = ("mime_type", "mimeType", "media_type", "mediaType", "content_type", "contentType")
_ADDRESSES = (
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
_PATH = re.compile(r"/[^/\s]\S*")
_TEXTS = frozenset({"text", "output_text", "input_text", "refusal", "reasoning", "thinking"})


@dataclass(slots=True)
class ExtractedImages:
    """What structured fields held, in order."""

    images: list[ResultImage] = field(default_factory=list)
    drafts: list[ResultImage] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    relative: list[str] = field(default_factory=list)  #: addresses of pictures without a host
    broken: bool = False  #: a picture began, and is not whole

    def add(self, other: "ExtractedImages") -> None:
        """Take what another one holds, besides its texts."""
        self.images += other.images
        self.drafts += other.drafts
        self.videos += other.videos
        self.relative += other.relative
        self.broken = self.broken or other.broken


def parse_image(text: str) -> ResultImage | None:
    """Read a string in a picture's place: an http(s) address, a ``data:`` URL, or bare base64."""
    data = _DATA.match(text)
    if data and text[data.end() : data.end() + 4].lower() != "http":
        decoded = parse_base64_image(text[data.end() :])
    else:
        address = unescape((text[data.end() :] if data else text).strip()) if len(text) < _LONGEST else ""
        if len(text) < _LONGEST and (link := _MARKDOWN.fullmatch(address)):
            return parse_image(link[1])
        if is_web(address):
            return ResultImage(url=address) if not any(sign in address for sign in ' \n"<>') else None
        decoded = parse_base64_image(text) if starts_like_image(text) else None
    return ResultImage(data=decoded[0], mime=decoded[1]) if decoded else None


def extract_fields(message: Mapping[str, Any], extracted: ExtractedImages) -> None:
    """Collect the pictures of a message, a delta, or any object that carries picture fields."""
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
    """Return the parts of a content; plain texts among them are parts, too."""
    if isinstance(content, dict):
        return content
    return [
        {"type": "text", "text": part} if isinstance(part, str) and parse_image(part) is None else part
        for part in content
    ]


def extract_value(value: object, extracted: ExtractedImages, *, depth: int = 0) -> None:
    """Collect what stands in a picture's place: a string, a part, or a list of them."""
    if depth > 6:
        return
    if isinstance(value, str):
        _extract_string(value, extracted)
    elif isinstance(value, list):
        for item in _in_order(value):
            extract_value(item, extracted, depth=depth + 1)
    elif isinstance(value, dict):
        _extract_part(value, extracted, depth)


def extract_arguments(arguments: str | Mapping[str, Any], extracted: ExtractedImages) -> None:
    """Collect pictures from a tool call's arguments; one that only repeats the prompt has none."""
    try:
        value = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return
    if isinstance(value, Mapping):
        for name in ("image_url", "image_urls", "url", "image", "images", "b64_json"):
            if item := value.get(name):
                extract_value(item, extracted)


def _in_order(items: list[Any]) -> Iterable[Any]:
    """Sort by ``index`` when all items carry one."""
    if all(isinstance(item, dict) and type(item.get("index")) is int for item in items):
        return sorted(items, key=lambda item: item["index"])
    return items


def _extract_string(value: str, extracted: ExtractedImages) -> None:
    picture = parse_image(value)
    if picture is None and len(value) < _LONGEST and _PATH.fullmatch(value) and is_image(value):
        extracted.relative.append(unescape(value))
    elif picture is None:
        data = _DATA.match(value)
        extracted.broken = extracted.broken or starts_like_image(value, data.end() if data else 0)
    elif picture.url is not None and is_video(picture.url):
        extracted.videos.append(picture.url)
    elif picture.url is None or not (is_task_page(picture.url) or is_document(picture.url)):
        extracted.images.append(picture)


def _extract_part(part: Mapping[str, Any], extracted: ExtractedImages, depth: int) -> None:
    kind = str(part.get("type") or "").lower()
    if part.get("thought") is True:
        draft = ExtractedImages()
        _extract_part({**part, "thought": None}, draft, depth + 1)
        extracted.drafts += draft.images + draft.drafts
        return
    if kind in _TEXTS or (isinstance(part.get("text"), str) and not _has_picture(part)):
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
    """Take the one picture of an item: its bytes if they are there, with its address as the alternate."""
    mime = next((str(part[name]) for name in _TYPES if part.get(name)), "image/")
    found = ExtractedImages()
    for name in (*_BYTES, *_ADDRESSES):
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
    if any(isinstance(part.get(name), list) for name in (*_BYTES, *_ADDRESSES)):
        extracted.images += found.images
        return
    first, *others = dict.fromkeys(found.images)
    alternates = tuple(other.address for other in others)
    extracted.images.append(ResultImage(first.url, first.data, first.mime, alternates or first.alternates))


def _has_picture(part: Mapping[str, Any]) -> bool:
    return any(part.get(name) for name in (*_BYTES, *_ADDRESSES))


def _extract_video(value: object, extracted: ExtractedImages) -> None:
    if isinstance(value, str) and is_web(address := unescape(value.strip())):
        extracted.videos.append(address)
    elif isinstance(value, list):
        for item in value:
            _extract_video(item, extracted)
    elif isinstance(value, dict):
        for name in ("video_url", "url", "video"):
            if value.get(name):
                _extract_video(value[name], extracted)
                return
