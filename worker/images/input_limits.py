"""Limits of the input images of one job together: their bytes and pixels, each as often as it is sent."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import InvalidRequest
from models.settings import Settings

CODE = "input_images_too_large"


@dataclass(frozen=True, slots=True)
class InputSize:
    """Size of one input image, as it is stored."""

    bytes: int
    pixels: int

    @classmethod
    def of(cls, size: int, width: int | None, height: int | None) -> "InputSize":
        """Return the size of an image of ``size`` bytes."""
        return cls(size, (width or 0) * (height or 0))


def check_input_sizes(sizes: Iterable[InputSize], settings: Settings, *, field: str = "images") -> None:
    """Refuse input images that are too large together. Raises ``InvalidRequest``."""
    listed = [*sizes]
    for total, limit, unit, setting in (
        (sum(size.bytes for size in listed), settings.input_bytes_limit, "bytes", "INPUT_BYTES_LIMIT"),
        (sum(size.pixels for size in listed), settings.input_pixels_limit, "pixels", "INPUT_PIXELS_LIMIT"),
    ):
        if total > limit:
            message = (
                f"the pictures of one job have {total:,} {unit} together, each counted as often as it is "
                f"sent; at most {limit:,} are accepted (DARKROOM_{setting})"
            )
            raise InvalidRequest(field, message, code=CODE)
