"""Pictures, words and handles in the JSON shapes that providers answer with."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from worker.upstream.parsing.base64_images import looks_like_picture, read_base64
from worker.upstream.parsing.image import Picture
from worker.upstream.parsing.urls import is_document, is_picture, is_task_page, is_video, is_web, unescape

#: members whose value is a picture, or a list of pictures, wherever they occur in an answer
PICTURE_FIELDS = (
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
class Harvest:
    """What structured fields held, in order."""

    pictures: list[Picture] = field(default_factory=list)
    drafts: list[Picture] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    relative: list[str] = field(default_factory=list)  #: addresses of pictures without a host
    broken: bool = False  #: a picture began, and is not whole

    def add(self, other: "Harvest") -> None:
        """Take what another one holds, besides its texts."""
        self.pictures += other.pictures
        self.drafts += other.drafts
        self.videos += other.videos
        self.relative += other.relative
        self.broken = self.broken or other.broken


def picture_from(text: str) -> Picture | None:
    """Read a string in a picture's place: an http(s) address, a ``data:`` URL, or bare base64."""
    data = _DATA.match(text)
    if data and text[data.end() : data.end() + 4].lower() != "http":
        decoded = read_base64(text[data.end() :])
    else:
        address = unescape((text[data.end() :] if data else text).strip()) if len(text) < _LONGEST else ""
        if len(text) < _LONGEST and (link := _MARKDOWN.fullmatch(address)):
            return picture_from(link[1])
        if is_web(address):
            return Picture(url=address) if not any(sign in address for sign in ' \n"<>') else None
        decoded = read_base64(text) if looks_like_picture(text) else None
    return Picture(data=decoded[0], mime=decoded[1]) if decoded else None


def harvest_fields(message: Mapping[str, Any], harvest: Harvest) -> None:
    """Collect the pictures of a message, a delta, or any object that carries picture fields."""
    for name in PICTURE_FIELDS:
        if value := message.get(name):
            harvest_value(value, harvest)
    if isinstance(content := message.get("content"), list | dict):
        harvest_value(_parts(content), harvest)
    if isinstance(parts := message.get("parts"), list):
        harvest_value(parts, harvest)
    for name in ("video", "video_url", "videos"):
        if value := message.get(name):
            _harvest_video(value, harvest)


def _parts(content: list[Any] | dict[str, Any]) -> object:
    """Return the parts of a content; plain texts among them are parts, too."""
    if isinstance(content, dict):
        return content
    return [
        {"type": "text", "text": part} if isinstance(part, str) and picture_from(part) is None else part
        for part in content
    ]


def harvest_value(value: object, harvest: Harvest, *, depth: int = 0) -> None:
    """Collect what stands in a picture's place: a string, a part, or a list of them."""
    if depth > 6:
        return
    if isinstance(value, str):
        _harvest_string(value, harvest)
    elif isinstance(value, list):
        for item in _in_order(value):
            harvest_value(item, harvest, depth=depth + 1)
    elif isinstance(value, dict):
        _harvest_part(value, harvest, depth)


def harvest_arguments(arguments: str | Mapping[str, Any], harvest: Harvest) -> None:
    """Collect pictures from a tool call's arguments; one that only repeats the prompt has none."""
    try:
        value = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return
    if isinstance(value, Mapping):
        for name in ("image_url", "image_urls", "url", "image", "images", "b64_json"):
            if item := value.get(name):
                harvest_value(item, harvest)


def _in_order(items: list[Any]) -> Iterable[Any]:
    """Sort by ``index`` when all items carry one."""
    if all(isinstance(item, dict) and type(item.get("index")) is int for item in items):
        return sorted(items, key=lambda item: item["index"])
    return items


def _harvest_string(value: str, harvest: Harvest) -> None:
    picture = picture_from(value)
    if picture is None and len(value) < _LONGEST and _PATH.fullmatch(value) and is_picture(value):
        harvest.relative.append(unescape(value))
    elif picture is None:
        data = _DATA.match(value)
        harvest.broken = harvest.broken or looks_like_picture(value, data.end() if data else 0)
    elif picture.url is not None and is_video(picture.url):
        harvest.videos.append(picture.url)
    elif picture.url is None or not (is_task_page(picture.url) or is_document(picture.url)):
        harvest.pictures.append(picture)


def _harvest_part(part: Mapping[str, Any], harvest: Harvest, depth: int) -> None:
    kind = str(part.get("type") or "").lower()
    if part.get("thought") is True:
        draft = Harvest()
        _harvest_part({**part, "thought": None}, draft, depth + 1)
        harvest.drafts += draft.pictures + draft.drafts
        return
    if kind in _TEXTS or (isinstance(part.get("text"), str) and not _has_picture(part)):
        text = part.get("text") or part.get("refusal")
        if kind not in ("reasoning", "thinking") and isinstance(text, str):
            harvest.texts.append(text)
        return
    if "citation" in kind or "audio" in kind or kind.startswith("input_"):
        return
    if "video" in kind or "video_url" in part:
        _harvest_video(part, harvest)
        return
    _harvest_item(part, harvest, depth)


def _harvest_item(part: Mapping[str, Any], harvest: Harvest, depth: int) -> None:
    """Take the one picture of an item: its bytes if they are there, with its address as the alternate."""
    mime = next((str(part[name]) for name in _TYPES if part.get(name)), "image/")
    found = Harvest()
    for name in (*_BYTES, *_ADDRESSES):
        if value := part.get(name):
            harvest_value(value, found, depth=depth + 1)
    for name in ("images", "parts", "content"):
        if isinstance(value := part.get(name), list):
            harvest_value(value, harvest, depth=depth + 1)
    harvest.videos += found.videos
    harvest.drafts += found.drafts
    harvest.relative += found.relative
    harvest.broken = harvest.broken or found.broken
    if not mime.lower().startswith(("image/", "application/octet-stream")) or not found.pictures:
        return
    if any(isinstance(part.get(name), list) for name in (*_BYTES, *_ADDRESSES)):
        harvest.pictures += found.pictures
        return
    first, *others = dict.fromkeys(found.pictures)
    alternates = tuple(other.address for other in others)
    harvest.pictures.append(Picture(first.url, first.data, first.mime, alternates or first.alternates))


def _has_picture(part: Mapping[str, Any]) -> bool:
    return any(part.get(name) for name in (*_BYTES, *_ADDRESSES))


def _harvest_video(value: object, harvest: Harvest) -> None:
    if isinstance(value, str) and is_web(address := unescape(value.strip())):
        harvest.videos.append(address)
    elif isinstance(value, list):
        for item in value:
            _harvest_video(item, harvest)
    elif isinstance(value, dict):
        for name in ("video_url", "url", "video"):
            if value.get(name):
                _harvest_video(value[name], harvest)
                return
