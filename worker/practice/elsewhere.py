"""The world outside, as far as played answers point to it: every foreign address has a picture here."""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

from worker.practice.drawing.mp4 import tiny_mp4
from worker.practice.drawing.render import PictureMode, Recipe

PLACE = "/elsewhere/"
_SCHEME = re.compile(r"https?:((?:\\*/){2})", re.IGNORECASE)
_SOURCE = re.compile(r"[^/?]+/source/([^/?]+)")
_VIDEOS = frozenset((".mp4", ".mov", ".m4v", ".webm"))


def brought_here(text: str, base_url: str) -> str:
    """Let every web address in a text lead to us.

    Only the scheme is replaced, so host, path and query stay readable as they were, also when an event stream
    tears an address apart. Slashes stay escaped the way they are.
    """

    def here(found: re.Match[str]) -> str:
        return (base_url + PLACE).replace("/", found[1][: len(found[1]) // 2])

    return _SCHEME.sub(here, text)


def task_at(address: str) -> str | None:
    """Return the task that a foreign address (without its scheme) is the raw data of."""
    found = _SOURCE.fullmatch(address)
    return found[1] if found else None


def thing_at(address: str, mode: PictureMode) -> Recipe | bytes:
    """Return what is found at a foreign address: its own picture, always the same, or a small video.

    Clients differ in which characters they quote, so that is no difference here.
    """
    address = unquote(address)
    path = PurePosixPath(address.partition("?")[0])
    if path.suffix.lower() in _VIDEOS:
        return tiny_mp4(address)
    return Recipe(address, 1, path.name, mode=mode)
