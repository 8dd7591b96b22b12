"""Image files that commands read and write."""

import os
from base64 import b64encode
from mimetypes import guess_type
from pathlib import Path

from api.cli.exit_codes import CommandFailed, Exit

_LARGEST = 20 * 2**20  #: bytes; the server's default limit


def input_image(given: str) -> str:
    """Return an input image as the API takes it: URLs and ids unchanged, files as data URLs."""
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
            f"--image {given}: {error.strerror or error}. Give a file, an https URL or an asset_… id.",
        ) from error
    if not content or len(content) > _LARGEST:
        raise CommandFailed(
            Exit.USAGE, f"--image {given} has {len(content):,} bytes; an image has 1 to {_LARGEST:,}."
        )
    kind = guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{b64encode(content).decode()}"


def writable(target: Path) -> None:
    """Refuse a target that can't be written, before a call is paid for."""
    if target.is_dir():
        raise CommandFailed(Exit.USAGE, f"-o {target} is a folder; name a file in it.")
    if not target.parent.is_dir():
        raise CommandFailed(Exit.USAGE, f"-o {target}: there is no folder {target.parent}.")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise CommandFailed(Exit.USAGE, f"-o {target} can't be written: permission denied.")


def numbered(target: Path, count: int) -> list[Path]:
    """Return the files for ``count`` images: cat.png, cat-2.png, cat-3.png."""
    return [
        target if number == 1 else target.with_stem(f"{target.stem}-{number}")
        for number in range(1, count + 1)
    ]
