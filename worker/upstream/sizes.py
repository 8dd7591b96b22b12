"""Where a provider family reads the size of an image, and how it is written there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.channels import SizeStyle
from models.errors import InvalidRequest
from models.request import ImageSize


@dataclass(frozen=True, slots=True)
class SizeRequest:
    """The parts of a request that ask for a size."""

    members: Mapping[str, Any] = field(default_factory=dict)  #: of the request's body
    suffix: str = ""  #: of the prompt
    system: str = ""  #: a line of the system message


def size_request(text: str | None, style: SizeStyle, known: Sequence[str] = ()) -> SizeRequest:
    """Return how a size is asked for in a style; ``known`` are the only sizes the provider accepts.

    A size that is not known is replaced by a known one of the same ratio. Raises ``InvalidRequest`` that
    lists the known ones if there is none, or the forms of a size if a job stored earlier has another.
    """
    if not text or style == "none":
        return SizeRequest()
    try:
        size = ImageSize.parse(text)
    except ValueError as error:
        raise InvalidRequest("size", str(error)) from error
    if known and size.text not in known:
        size = _equivalent(size, known)
    ratio, resolution = size.ratio_text, size.resolution
    if style == "size":
        return SizeRequest({"size" if size.pixels or ratio is None else "aspect_ratio": size.text})
    if size.text == "auto":
        return SizeRequest()
    if style == "aspect_ratio":
        return SizeRequest({"aspect_ratio": ratio} if ratio else {"image_size": resolution})
    if style == "image_config":
        return SizeRequest({"image_config": {"aspect_ratio": ratio} if ratio else {"image_size": resolution}})
    if style == "imageConfig":
        config = {"aspectRatio": ratio} if ratio else {"imageSize": resolution}
        return SizeRequest({"generationConfig": {"imageConfig": config}})
    if style == "system":
        return SizeRequest(system=f"aspect_ratio={ratio}" if ratio else f"image_size={resolution}")
    return SizeRequest(suffix=f"【{ratio or resolution}】")


def _equivalent(size: ImageSize, known: Sequence[str]) -> ImageSize:
    for other in map(ImageSize.parse, known):
        if size.ratio is not None and other.ratio == size.ratio:
            return other
    raise InvalidRequest("size", f"this channel has no size {size.text}; it has {', '.join(known)}")
