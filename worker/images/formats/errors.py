"""Errors of the format checks."""

from models.errors import ImageError

MOST_PARTS = 100_000  #: segments, chunks or boxes of one image; far more than encoders write


def too_many_parts(most: int = MOST_PARTS) -> ImageError:
    """Return the error for an image that consists of so many parts that a look at all costs too much."""
    return ImageError("asset_too_large", f"The picture consists of more than {most:,} parts.")


def two_headers(what: str) -> ImageError:
    """Return the error for an image that states its size twice: decoders may take either."""
    return not_image(f"the {what} has two headers")


def truncated(what: str) -> ImageError:
    """Return the error for truncated or damaged bytes."""
    return ImageError("asset_truncated", f"The picture is incomplete: {what}.")


def not_image(what: str) -> ImageError:
    """Return the error for bytes that are no image."""
    return ImageError("asset_not_image", f"This is not a picture: {what}.")
