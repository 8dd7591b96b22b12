"""Image inspection: type by signature, size by header, integrity to the end of the file."""

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.errors import ImageError
from worker.images.formats import boxes, gif, jpeg, png, webm, webp
from worker.images.formats.errors import not_image, truncated
from worker.images.limits import Limits

Size = tuple[int, int] | tuple[int | None, int | None] | tuple[None, None]


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Type and size of an image. Only a video may have no dimensions."""

    content_type: str
    extension: str  #: without the dot
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class _Format:
    content_type: str
    extension: str
    measure: Callable[[memoryview], Size]


_PNG = _Format("image/png", "png", png.measure)
_JPEG = _Format("image/jpeg", "jpg", jpeg.measure)
_WEBP = _Format("image/webp", "webp", webp.measure)
_GIF = _Format("image/gif", "gif", gif.measure)
_AVIF = _Format("image/avif", "avif", boxes.measure_image)
_HEIC = _Format("image/heic", "heic", boxes.measure_image)
_MP4 = _Format("video/mp4", "mp4", boxes.measure_video)
_WEBM = _Format("video/webm", "webm", webm.measure)

#: Offset, signature and format; the first match decides.
SIGNATURES: tuple[tuple[int, bytes, _Format], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _PNG),
    (0, b"\xff\xd8\xff", _JPEG),
    (8, b"WEBP", _WEBP),
    (0, b"GIF87a", _GIF),
    (0, b"GIF89a", _GIF),
    (0, b"\x1a\x45\xdf\xa3", _WEBM),
)
#: Brands of an ``ftyp`` box and their format; the first match decides.
BRANDS: tuple[tuple[frozenset[bytes], _Format], ...] = (
    (frozenset({b"avif", b"avis"}), _AVIF),
    (frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}), _HEIC),
    (
        frozenset({b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash"}),
        _MP4,
    ),
)
EXTENSIONS = ("png", "jpg", "webp", "gif", "avif", "heic", "mp4", "webm")  #: of all formats
_SIGNATURE_BYTES = 16  #: every signature is recognised within these


def inspect(source: bytes | Path, *, limits: Limits = Limits()) -> ImageInfo:  # noqa: B008 - frozen
    """Return type and size of an image, read from its bytes alone.

    Nothing is decoded; a file is mapped, not loaded. Blocks for about a millisecond per 2 MB. Trailing bytes
    are accepted. Raises ``ImageError`` with ``asset_not_image``, ``asset_truncated`` or ``asset_too_large``.
    """
    data = memoryview(source) if isinstance(source, bytes) else _mapped(source)
    if not data:
        raise truncated("it is empty")
    kind = detect_format(data)
    width, height = kind.measure(data)
    _check_size(width, height, limits)
    return ImageInfo(kind.content_type, kind.extension, width, height)


def detect_format(data: memoryview) -> _Format:
    """Return the format by its signature. Raises ``ImageError``."""
    head = bytes(data[:64])
    for offset, signature, kind in SIGNATURES:
        if head.startswith(signature, offset):
            return kind
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if len(head) < _SIGNATURE_BYTES and any(
        s.startswith(head) or head.startswith(b"RIFF") for _, s, _ in SIGNATURES
    ):
        raise truncated("only its first bytes are there")
    raise not_image(_description(head))


def looks_like_text(head: bytes) -> bool:
    """Return whether this is the beginning of HTML, JSON or XML (SVG included), hence no image."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"<", b"{", b"[")


def _by_brand(head: bytes) -> _Format:
    length = int.from_bytes(head[:4])
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(length, len(head)), 4))]
    for names, kind in BRANDS:
        if names.intersection(brands):
            return kind
    if len(head) < length:
        raise truncated("only its first bytes are there")
    raise not_image(f"a media file of an unknown brand, {brands[0]!r}")


def _mapped(path: Path) -> memoryview:
    """Memory-map a file; the map is closed with its last view."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _description(head: bytes) -> str:
    return (
        f"it is text that begins with {head[:40].decode('utf-8', 'replace')!r}"
        if looks_like_text(head)
        else f"it begins with the bytes {head[:8].hex(' ')}"
    )


def _check_size(width: int | None, height: int | None, limits: Limits) -> None:
    if width is None or height is None:
        return
    if not width or not height:
        raise not_image("its width or height is zero")
    if width * height > limits.pixels:
        message = f"The picture has {width} × {height} pixels; at most {limits.pixels:,} are accepted."
        raise ImageError("asset_too_large", message)
