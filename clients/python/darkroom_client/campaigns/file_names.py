"""File names for the keys of items, which every file system can hold."""

import hashlib
import re
import unicodedata

_LONGEST = 120  # bytes in UTF-8, with room for a suffix
_REPLACED = re.compile(
    r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]'
)
"""Reserved on Windows, control characters, halves of characters, and marks that turn the direction."""
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{name}{digit}" for name in ("com", "lpt") for digit in "0123456789¹²³"]
)
"""Names of devices, with any extension (Microsoft, Naming Files, Paths, and Namespaces)."""
_EXTENSIONS = {"image/jpeg": "jpg", "image/svg+xml": "svg", "video/mp4": "mp4", "video/webm": "webm"}


def file_stem(key: str, variant: str = "") -> str:
    """Return the name of an item's file, without extension: the key and the variant.

    Where they hold characters that a file system refuses, the end is a hash of them, so that different items
    keep different names.
    """
    text = f"{key} {variant}".strip() if variant else key
    name = _REPLACED.sub("_", unicodedata.normalize("NFC", text))
    name = name.strip(" ").encode()[:_LONGEST].decode(errors="ignore").rstrip(" .")
    if name.startswith("."):
        name = f"_{name[1:]}"
    if name.split(".", 1)[0].rstrip(" ").casefold() in _DEVICES:
        name = f"_{name}"
    if name == text:
        return name
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{name}-{digest}".lstrip("-")


def extension_of(content_type: str) -> str:
    """Return the extension of a picture by its media type."""
    kind, _, rest = content_type.partition("/")
    plain = rest if kind in ("image", "video") and rest.isalnum() else "bin"
    return _EXTENSIONS.get(content_type, plain)
