"""Ids of files as OpenAI's clients know them: ``file-`` and the digits of a public id."""

from uuid import UUID

from models.errors import NotFound
from models.ids import parse_id, public_id

PREFIX = "file-"


def file_id(key: UUID) -> str:
    """Write the key of a file, such as ``file-01h455vb4pex5vsknk084sn02q``."""
    return PREFIX + public_id("file", key).partition("_")[2]


def parse_file_id(text: str) -> UUID:
    """Parse the id of a file. Raises ``NotFound`` for anything else."""
    prefix, separator, digits = text.partition("-")
    if prefix + separator != PREFIX:
        raise NotFound(f"No such File object: {text[:64]}")
    try:
        return parse_id("file", f"file_{digits}")
    except NotFound as error:
        raise NotFound(f"No such File object: {text[:64]}") from error


def asset_of_file(text: str) -> str:
    """Return the asset id of a file that is a picture, by its id. Raises ``NotFound``.

    A picture that is uploaded as a file has the id of its asset.
    """
    return public_id("asset", parse_file_id(text))
