"""What can be wrong with a picture's bytes."""

from models.errors import ImageError


def truncated(what: str) -> ImageError:
    """Make the error for bytes that stop too early, or are damaged on the way."""
    return ImageError("asset_truncated", f"The picture is incomplete: {what}.")


def not_image(what: str) -> ImageError:
    """Make the error for bytes that are no picture."""
    return ImageError("asset_not_image", f"This is not a picture: {what}.")
