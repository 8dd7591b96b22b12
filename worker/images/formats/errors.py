"""Errors of the format checks."""

from models.errors import ImageError


def truncated(what: str) -> ImageError:
    """Return the error for truncated or damaged bytes."""
    return ImageError("asset_truncated", f"The picture is incomplete: {what}.")


def not_image(what: str) -> ImageError:
    """Return the error for bytes that are no image."""
    return ImageError("asset_not_image", f"This is not a picture: {what}.")
