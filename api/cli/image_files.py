"""Pictures given and taken on the command line."""

import os
from base64 import b64encode
from mimetypes import guess_type
from pathlib import Path

from api.cli.exit_codes import CommandFailed, Exit

_LARGEST = 20 * 2**20  #: bytes; what the server takes unless its operator says otherwise


def input_picture(given: str) -> str:
    """Return an input picture as the API takes it: addresses and ids as they are, files as data URLs."""
    if given.startswith(("http://", "https://", "data:")):
        return given
    path = Path(given)
    if given.startswith("asset_") and not path.exists():
        return given
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandFailed(
            Exit.USAGE,
            f"--image {given}: {error.strerror or error}. Give a file, an https address or an asset_… id.",
        ) from error
    if not content or len(content) > _LARGEST:
        raise CommandFailed(
            Exit.USAGE, f"--image {given} has {len(content):,} bytes; a picture has 1 to {_LARGEST:,}."
        )
    kind = guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{b64encode(content).decode()}"


def writable(target: Path) -> None:
    """Refuse a target that can't be written, before anything is paid for."""
    if target.is_dir():
        raise CommandFailed(Exit.USAGE, f"-o {target} is a folder; name a file in it.")
    if not target.parent.is_dir():
        raise CommandFailed(Exit.USAGE, f"-o {target}: there is no folder {target.parent}.")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise CommandFailed(Exit.USAGE, f"-o {target} can't be written: permission denied.")


def numbered(target: Path, count: int) -> list[Path]:
    """Return the files for so many pictures: cat.png, cat-2.png, cat-3.png."""
    return [
        target if number == 1 else target.with_stem(f"{target.stem}-{number}")
        for number in range(1, count + 1)
    ]
