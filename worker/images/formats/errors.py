"""What can be wrong with a picture's bytes."""

from models.errors import PictureError


def truncated(what: str) -> PictureError:
    """Make the error for bytes that stop too early, or are damaged on the way."""
    return PictureError("asset_truncated", f"The picture is incomplete: {what}.")


def not_image(what: str) -> PictureError:
    """Make the error for bytes that are no picture."""
    return PictureError("asset_not_image", f"This is not a picture: {what}.")
