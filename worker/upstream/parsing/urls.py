"""URLs in answers: undo escapes, compare, and classify as image, video, document or page."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from worker.upstream.matching import word_set

_IMAGE_EXTENSIONS = word_set("png jpg jpeg webp gif avif bmp heic heif jfif tif tiff")
_VIDEO_EXTENSIONS = word_set("mp4 mov webm m4v mkv avi m3u8")
_DOCUMENT_EXTENSIONS = word_set(
    "html htm pdf zip rar 7z gz tar txt md json xml csv doc docx xls xlsx ppt pptx js css py "
    "exe apk dmg mp3 wav ogg flac aac m4a svg psd"
)
_EXTENSION = re.compile(r"\.([a-z0-9]{2,5})(?:[!@~:][^/]*)?$")
_ESCAPED = re.compile(r"\\u00([0-7][0-9a-fA-F])")
_ESCAPED_END = re.compile(r"\\[nrt\"]")
_ENTITY = re.compile(r"&(?:amp|#38|#x26);", re.IGNORECASE)
_PORT = re.compile(r":(?:80|443)$")
_TASK_PAGE = re.compile(r"https?://[^/?#]*asyncdata[^/?#]*(?:[/?#]|$)", re.IGNORECASE)
#: marks of a chat page in place of its images, services that draw a grey box, and templates not filled in
_PLACEHOLDER = re.compile(
    r"https?://(?:(?:www\.)?googleusercontent\.com/(?:image_|generated_image|immersive_)"
    r"|[^/?#]+/image_generation_content/|(?:via\.)?placeholder\.com/|placehold\.(?:co|it|jp)/|dummyimage\.com/"
    r"|[^\s]{0,200}(?:\{[a-z_]{1,40}\}|%7b[a-z_]{1,40}%7d|/path/to/|your[-_]image[-_]url|image[-_]url[-_]here))",
    re.IGNORECASE,
)
_SIGNATURE_PARAMETERS = word_set(
    "expires x-expires x-signature lk3s ossaccesskeyid signature key-pair-id awsaccesskeyid googleaccessid "
    "security-token st se sp spr sv sr sig az ske skt sks skoid sktid skv rscd rsct rscc rsce rscl"
)
_RESIZE_PARAMETERS = word_set(
    "x-oss-process x-image-process x-tos-process imageview2 imagemogr2 imageslim w h width height "
    "quality thumbnail resize"
)
_SIGNATURE_PREFIXES = (
    "x-tos-",
    "x-amz-",
    "x-goog-",
    "x-bce-",
    "q-sign-",
    "q-ak",
    "q-key",
    "q-header",
    "q-url",
)
#: hosts (or parent domains) that serve nothing but generated files, with the path prefix of the files
_IMAGE_HOSTS = {
    "filesystem.site": "/cdn/",
    "filesystem.i666.fun": "/",
    "google.datas.systems": "/",
    "googlecdn2.datas.systems": "/",
    "cdn.i666.fun": "/",
    "googlecdn2.i666.fun": "/",
    "cn-nb1.rains3.com": "/",
    "midjourney-plus.oss-us-west-1.aliyuncs.com": "/",
    "delivery-eu1.bfl.ai": "/",
    "delivery-us1.bfl.ai": "/",
    "replicate.delivery": "/",
    "fal.media": "/files/",
    "imgen.x.ai": "/",
    "assets.grok.com": "/",
    "oaidalleapiprodscus.blob.core.windows.net": "/",
    "files.oaiusercontent.com": "/",
    "byteimg.com": "/",
}
_BUCKET_PREFIXES = ("ark-content-generation", "dashscope-result")  #: of bucket names, before a region


class CanonicalUrl(NamedTuple):
    """Key of a URL: equal for all renderings of one object. Host, path, and the query without signatures."""

    host: str
    path: str
    query: tuple[str, ...]


def unescape(url: str) -> str:
    r"""Undo what relays leave escaped in a URL: ``\u0026``, ``\/`` and ``&amp;``; ``\n`` ends it."""
    if "\\" in url:
        url = _ESCAPED_END.split(url, maxsplit=1)[0]
        url = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), url).replace("\\/", "/").replace("\\", "")
    return _ENTITY.sub("&", _ENTITY.sub("&", url)) if "&" in url else url  # some are escaped twice


@lru_cache(maxsize=4096)
def canonical(url: str) -> CanonicalUrl:
    """Return the key that all renderings of one object share; not a URL to fetch."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return CanonicalUrl("", url, ())
    path = unquote(parts.path).replace("/cdn/download/", "/cdn/")
    query = tuple(sorted(item for item in parts.query.split("&") if item and not _is_ignored(item)))
    return CanonicalUrl(_PORT.sub("", parts.netloc.lower()), path, query)


def is_resized(url: str) -> bool:
    """Return whether the URL requests a resized rendering of the object."""
    return any(_name(item) in _RESIZE_PARAMETERS or _is_resize_operation(_name(item)) for item in _query(url))


def extension(url: str) -> str:
    """Return the file extension in lower case, without the dot; empty if there is none."""
    try:
        path = urlsplit(url).path.lower()
    except ValueError:
        return ""
    match = _EXTENSION.search(path.rsplit("/", 1)[-1])
    return match[1] if match else ""


def is_image(url: str) -> bool:
    """Return whether the URL has an image extension, in its path or in a ``format``-like parameter."""
    return extension(url) in _IMAGE_EXTENSIONS or any(_names_image(item) for item in _query(url))


def is_video(url: str) -> bool:
    """Return whether the URL has a video extension."""
    return extension(url) in _VIDEO_EXTENSIONS


def is_document(url: str) -> bool:
    """Return whether the URL has the extension of a file that is neither image nor video."""
    return extension(url) in _DOCUMENT_EXTENSIONS


def is_task_page(url: str) -> bool:
    """Return whether the URL is a page about a task, or its data; it is never a result."""
    return _TASK_PAGE.match(url) is not None


def is_placeholder(url: str) -> bool:
    """Return whether the URL stands for an image that the answer does not have: no image is served there."""
    return _PLACEHOLDER.match(url) is not None


def is_http_url(url: str) -> bool:
    """Return whether this is an http(s) URL with a host."""
    lowered = url[:8].lower()
    if not lowered.startswith(("http://", "https://")):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def is_on_image_host(url: str) -> bool:
    """Return whether the URL is a file on a host that serves nothing but generated images."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if host.startswith(_BUCKET_PREFIXES) and host.endswith(
        (".volces.com", ".bytepluses.com", ".aliyuncs.com")
    ):
        return len(parts.path) > 1
    labels = host.split(".")
    for start in range(len(labels) - 1):
        prefix = _IMAGE_HOSTS.get(".".join(labels[start:]))
        if prefix:
            return parts.path.startswith(prefix) and len(parts.path) > len(prefix)
    return False


def _query(url: str) -> list[str]:
    _, mark, query = url.partition("?")
    return query.partition("#")[0].split("&") if mark else []


def _name(item: str) -> str:
    return item.partition("=")[0].lower()


def _is_resize_operation(name: str) -> bool:
    """Return whether a name is an operation of Qiniu or Tencent: ``imageView2/2/w/300``."""
    return name.startswith(("imageview2/", "imagemogr2/", "imageslim"))


def _is_ignored(item: str) -> bool:
    name = _name(item)
    return (
        name in _SIGNATURE_PARAMETERS
        or name in _RESIZE_PARAMETERS
        or name.startswith(_SIGNATURE_PREFIXES)
        or _is_resize_operation(name)
    )


def _names_image(item: str) -> bool:
    name, _, value = item.partition("=")
    return (
        name.lower() in {"format", "filename", "file", "name"}
        and value.lower().rsplit(".", 1)[-1] in _IMAGE_EXTENSIONS
    )
