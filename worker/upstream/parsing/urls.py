"""Addresses in answers: undo escapes, compare, and tell pictures, videos and pages apart."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from worker.upstream.matching import word_set

_PICTURES = word_set("png jpg jpeg webp gif avif bmp heic heif jfif tif tiff")
_VIDEOS = word_set("mp4 mov webm m4v mkv avi m3u8")
_DOCUMENTS = word_set(
    "html htm pdf zip rar 7z gz tar txt md json xml csv doc docx xls xlsx ppt pptx js css py "
    "exe apk dmg mp3 wav ogg flac aac m4a svg psd"
)
_EXTENSION = re.compile(r"\.([a-z0-9]{2,5})(?:[!@~:][^/]*)?$")
_ESCAPED = re.compile(r"\\u00([0-7][0-9a-fA-F])")
_ENDS = re.compile(r"\\[nrt\"]")
_ENTITY = re.compile(r"&(?:amp|#38|#x26);", re.IGNORECASE)
_PORT = re.compile(r":(?:80|443)$")
_TASK_PAGE = re.compile(r"https?://[^/?#]*asyncdata[^/?#]*(?:[/?#]|$)", re.IGNORECASE)
_SIGNATURES = word_set(
    "expires x-expires x-signature lk3s ossaccesskeyid signature key-pair-id awsaccesskeyid googleaccessid "
    "security-token st se sp spr sv sr sig az ske skt sks skoid sktid skv rscd rsct rscc rsce rscl"
)
_RESIZES = word_set(
    "x-oss-process x-image-process x-tos-process imageview2 imagemogr2 imageslim w h width height "
    "quality thumbnail "
    "resize"
)
_SIGNED = ("x-tos-", "x-amz-", "x-goog-", "x-bce-", "q-sign-", "q-ak", "q-key", "q-header", "q-url")


class CanonicalUrl(NamedTuple):
    """What makes two addresses the same object: host, path, and the telling part of the query."""

    host: str
    path: str
    query: tuple[str, ...]


def unescape(url: str) -> str:
    r"""Undo what relays leave escaped in a URL: ``\u0026``, ``\/`` and ``&amp;``; ``\n`` ends it."""
    if "\\" in url:
        url = _ENDS.split(url, maxsplit=1)[0]
        url = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), url).replace("\\/", "/").replace("\\", "")
    return _ENTITY.sub("&", _ENTITY.sub("&", url)) if "&" in url else url  # some are escaped twice


@lru_cache(maxsize=4096)
def canonical(url: str) -> CanonicalUrl:
    """Return the key under which renderings of one object meet; never for fetching."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return CanonicalUrl("", url, ())
    path = unquote(parts.path).replace("/cdn/download/", "/cdn/")
    query = tuple(sorted(item for item in parts.query.split("&") if item and not _is_incidental(item)))
    return CanonicalUrl(_PORT.sub("", parts.netloc.lower()), path, query)


def is_resized(url: str) -> bool:
    """Tell whether the address asks for a smaller rendering of the object."""
    return any(_name(item) in _RESIZES or _is_view(_name(item)) for item in _query(url))


def extension(url: str) -> str:
    """Return the file extension in lower case, without the dot; empty if there is none."""
    try:
        path = urlsplit(url).path.lower()
    except ValueError:
        return ""
    match = _EXTENSION.search(path.rsplit("/", 1)[-1])
    return match[1] if match else ""


def is_image(url: str) -> bool:
    """Tell whether the address ends like a picture, in its path or in a ``format``-like parameter."""
    return extension(url) in _PICTURES or any(_names_picture(item) for item in _query(url))


def is_video(url: str) -> bool:
    """Tell whether the address ends like a video."""
    return extension(url) in _VIDEOS


def is_document(url: str) -> bool:
    """Tell whether the address ends like a file that is neither a picture nor a video."""
    return extension(url) in _DOCUMENTS


def is_task_page(url: str) -> bool:
    """Tell whether the address shows a task or its data; it is never a result."""
    return _TASK_PAGE.match(url) is not None


def is_web(url: str) -> bool:
    """Tell whether this is an http(s) address with a host."""
    lowered = url[:8].lower()
    if not lowered.startswith(("http://", "https://")):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _query(url: str) -> list[str]:
    _, mark, query = url.partition("?")
    return query.partition("#")[0].split("&") if mark else []


def _name(item: str) -> str:
    return item.partition("=")[0].lower()


def _is_view(name: str) -> bool:
    """Qiniu and Tencent write the whole operation as a name: ``imageView2/2/w/300``."""
    return name.startswith(("imageview2/", "imagemogr2/", "imageslim"))


def _is_incidental(item: str) -> bool:
    name = _name(item)
    return name in _SIGNATURES or name in _RESIZES or name.startswith(_SIGNED) or _is_view(name)


def _names_picture(item: str) -> bool:
    name, _, value = item.partition("=")
    return (
        name.lower() in {"format", "filename", "file", "name"}
        and value.lower().rsplit(".", 1)[-1] in _PICTURES
    )


# Hosts that deliver nothing but generated files: a bare address on one of them needs no extension.

#: host (or its parent domain) and how a file's path begins there
_HOSTS = {
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
    "imgen.x.ai": "/",
    "assets.grok.com": "/",
    "oaidalleapiprodscus.blob.core.windows.net": "/",
    "files.oaiusercontent.com": "/",
    "byteimg.com": "/",
}
_PREFIXES = ("ark-content-generation", "dashscope-result")  #: buckets whose names go on with a region


def is_on_image_host(url: str) -> bool:
    """Tell whether the address is a file on a host that is known to deliver generated pictures."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if host.startswith(_PREFIXES) and host.endswith((".volces.com", ".bytepluses.com", ".aliyuncs.com")):
        return len(parts.path) > 1
    labels = host.split(".")
    for start in range(len(labels) - 1):
        beginning = _HOSTS.get(".".join(labels[start:]))
        if beginning:
            return parts.path.startswith(beginning) and len(parts.path) > len(beginning)
    return False
