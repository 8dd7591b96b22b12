"""Images, videos and texts in JSON members, in the shapes that providers use."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from worker.upstream.matching import fold_name, word_set
from worker.upstream.parsing.base64_images import parse_base64_image, starts_like_image
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.urls import (
    is_document,
    is_http_url,
    is_image,
    is_on_image_host,
    is_placeholder,
    is_task_page,
    is_video,
    unescape,
)

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
#: members that say of an image whether it is a draft, or final
_DRAFT_FLAGS = ("thought", "is_draft", "draft", "is_partial", "partial", "is_preview", "preview", "blurred")
_FINAL_FLAGS = ("is_final", "final")
_STATED = frozenset((*_DRAFT_FLAGS, *_FINAL_FLAGS))
_DRAFT_TYPE = re.compile(r"(?:^|[._-])(?:partial|draft|preview|thumbnail)(?:[._-]?image)?$", re.IGNORECASE)
_INDEX_FIELDS = ("image_index", "output_index", "imageIndex", "index")
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
_FILE_NAME = re.compile(r"/(?=[\w.~-]*\d)[\w.~-]{8,}(?:[?#]|$)", re.ASCII)
_MAX_PATH = 512  #: characters of the path of an image without an extension
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


def is_draft(part: Mapping[str, Any]) -> bool:
    """Return whether an object shows an image that is not finished: a draft, a preview, a thought."""
    kind = part.get("type")
    if isinstance(kind, str) and _DRAFT_TYPE.search(kind):
        return True
    return not _STATED.isdisjoint(part) and (
        any(part.get(name) is True for name in _DRAFT_FLAGS)
        or any(part.get(name) is False for name in _FINAL_FLAGS)
    )


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
    """Return the items sorted by their index if all have one."""
    indexed = [(index_of(item), item) for item in items if isinstance(item, dict)]
    if len(indexed) == len(items) and all(index is not None for index, _ in indexed):
        return [item for _, item in sorted(indexed, key=lambda pair: pair[0] or 0)]
    return items


def index_of(item: Mapping[str, Any]) -> int | None:
    """Return the position of an image among the images of its answer, if its object states it."""
    return next((item[name] for name in _INDEX_FIELDS if type(item.get(name)) is int), None)


def _extract_string(value: str, extracted: ExtractedImages) -> None:
    image = parse_image(value)
    if image is None and _is_image_path(value):
        extracted.relative.append(unescape(value))
    elif image is None:
        data = _DATA.match(value)
        extracted.broken = extracted.broken or starts_like_image(value, data.end() if data else 0)
    elif image.url is not None and is_video(image.url):
        extracted.videos.append(image.url)
    elif image.url is None or not (
        is_task_page(image.url) or is_document(image.url) or is_placeholder(image.url)
    ):
        extracted.images.append(image)


def _is_image_path(value: str) -> bool:
    """Return whether a value is the URL of an image without its host: by its extension or its file name."""
    if len(value) >= _MAX_URL or not _ABSOLUTE_PATH.fullmatch(value):
        return False
    if is_image(value):
        return True
    is_file = len(value) < _MAX_PATH and _FILE_NAME.search(value) is not None and not is_document(value)
    return is_file and not starts_like_image(value)


def _extract_part(part: Mapping[str, Any], extracted: ExtractedImages, depth: int) -> None:
    kind = str(part.get("type") or "").lower()
    if is_draft(part):
        draft = ExtractedImages()
        _extract_item(part, draft, depth + 1)
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


# The last resort: members that no rule names.

_MAX_VALUES = 20_000  #: values that are searched
_MAX_TEXT = 262_144  #: characters of a text in a member that no rule names
#: members whose values are never results: of the request, of people and pages, previews, reasoning
_NO_RESULT_NAME = re.compile(
    r"^(?:input|init|source|ref|mask|control|prompt|request|param|user|author|owner|profile|avatar|icon|favicon"
    r"|logo|callback|webhook|notify|cancel|status|poll|query|doc|help|homepage|website|cover|poster|thumb"
    r"|preview|blur|draft|partial|citation|annotation|search|grounding|reason|thought|thinking|error|message)"
)
_IMAGE_NAME = re.compile(r"ima?ge?|pic(?:ture)?s?$|picture|photo|artwork|图")
_RESULT_NAME = re.compile(
    r"image|img|pic|photo|output|result|asset|artifact|sample|media|file|ur[il]s?$|src|图"
)


class ImageSearch:
    """Searches every string of an answer for images; used where the members that are known show none.

    ``finished`` says that the answer is the record of a finished task: then the addresses in its results are
    images even without an extension. ``content`` tells whether there was anything but names and numbers of
    the provider's own.
    """

    def __init__(self, *, finished: bool) -> None:
        self._finished = finished
        self._left = _MAX_VALUES
        self.extracted = ExtractedImages()  #: with the texts that may show an image

    def add(self, value: object, *, name: str = "", depth: int = 0) -> None:
        """Search a value and all in it; ``name`` is that of its member."""
        self._left -= 1
        if self._left < 0 or depth > 12 or (name and _NO_RESULT_NAME.match(name)):
            return
        if isinstance(value, str):
            self._add_string(value, name)
        elif isinstance(value, list):
            for item in _sort_by_index(value):
                self.add(item, name=name, depth=depth + 1)
        elif isinstance(value, dict) and not is_draft(value):
            for member, inner in value.items():
                self.add(inner, name=fold_name(member), depth=depth + 1)

    def _add_string(self, value: str, name: str) -> None:
        if (image := parse_image(value)) is not None:
            if image.url is None or self._shows_image(image.url, name):
                _extract_string(value, self.extracted)
        elif len(value) < _MAX_URL and _ABSOLUTE_PATH.fullmatch(value):
            _extract_string(value, self.extracted)
        elif len(value) < _MAX_TEXT and ("](" in value or "http" in value or "<img" in value):
            self.extracted.texts.append(value)

    def _shows_image(self, url: str, name: str) -> bool:
        if is_image(url) or is_video(url) or is_on_image_host(url):
            return True
        return (_RESULT_NAME if self._finished else _IMAGE_NAME).search(name) is not None


#: members that say nothing about a result, where nothing else is in an answer
_FORMAL_NAMES = word_set(
    "id object created createdat updatedat model usage code message msg status success ok requestid traceid "
    "timestamp time version systemfingerprint servicetier type error errors event seed n count total size "
    "timings"
)


def has_content(value: object, *, depth: int = 0) -> bool:
    """Return whether a parsed body holds anything besides formal members and empty values."""
    if depth > 12:
        return True
    if isinstance(value, list):
        return any(has_content(item, depth=depth + 1) for item in value[:1000])
    if isinstance(value, dict):
        return any(
            fold_name(name) not in _FORMAL_NAMES and has_content(member, depth=depth + 1)
            for name, member in value.items()
        )
    return bool(value)
