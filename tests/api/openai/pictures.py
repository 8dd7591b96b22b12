"""Small pictures for requests."""

from io import BytesIO

from PIL import Image


def png(width: int = 8, height: int = 8, colour: str = "red") -> bytes:
    """Return a PNG."""
    target = BytesIO()
    Image.new("RGBA", (width, height), colour).save(target, "PNG")
    return target.getvalue()
