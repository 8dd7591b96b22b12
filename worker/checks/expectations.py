"""Expectations of a request about its picture: size, aspect ratio, transparency. Pure."""

from collections.abc import Mapping
from typing import Any

from models.request import ImageSize

_TOLERANCE = 0.02  # of an aspect ratio: providers round sides to multiples of 8 to 64


def size_differs(request: Mapping[str, Any], width: int | None, height: int | None) -> bool | None:
    """Return whether a picture has another size than ``WIDTHxHEIGHT``; ``None``: none was asked for."""
    size = _size(request)
    if size is None or not size.pixels or not width or not height:
        return None
    return size.text != f"{width}x{height}"


def ratio_differs(request: Mapping[str, Any], width: int | None, height: int | None) -> bool | None:
    """Return whether a picture has another aspect ratio; ``None``: none was asked for."""
    size = _size(request)
    if size is None or size.ratio is None or not width or not height:
        return None
    return abs(width / height / float(size.ratio) - 1) > _TOLERANCE


def wants_transparency(request: Mapping[str, Any]) -> bool:
    """Return whether a transparent background was asked for, by the parameter of the Images API."""
    params = request.get("params")
    return isinstance(params, Mapping) and params.get("background") == "transparent"


def _size(request: Mapping[str, Any]) -> ImageSize | None:
    text = request.get("size")
    try:
        return ImageSize.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None
