"""Image files that commands read and write."""

import os
from pathlib import Path

from api.cli.exit_codes import CommandFailed, Exit

_LARGEST = 20 * 2**20  #: bytes; the server's default limit


def input_image(given: str) -> str | Path:
    """Return an input image as the client takes it: URLs and ids unchanged, a file as its path.

    Raises ``CommandFailed`` for a file that can't be one, before anything is sent.
    """
    if given.startswith(("http://", "https://", "data:")):
        return given
    path = Path(given)
    if given.startswith("asset_") and not path.exists():
        return given
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise CommandFailed(
            Exit.USAGE,
            f"--image {given}: {error.strerror or error}. Give a file, an https URL or an asset_… id.",
        ) from error
    if not 0 < size <= _LARGEST:
        raise CommandFailed(
            Exit.USAGE, f"--image {given} has {size:,} bytes; an image has 1 to {_LARGEST:,}."
        )
    return path


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
