"""Pictures that wait to be downloaded; each is made when somebody asks for it."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote

from worker.practice.drawing.mp4 import tiny_mp4
from worker.practice.drawing.render import ImageMode, Recipe

LinkFault = Literal["dead_link", "truncated"]
MAX_IMAGES = 200_000  #: older pictures are forgotten


@dataclass(slots=True)
class PublishedImage:
    """One picture, and how many downloads are still to go wrong; ``None``: all."""

    recipe: Recipe
    fault: LinkFault | None = None
    faults_left: int | None = 0
    downloads: int = 0

    def next_fault(self) -> LinkFault | None:
        """Count one download and return what is wrong with it."""
        self.downloads += 1
        if self.fault is None or self.faults_left == 0:
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return self.fault


class ImageHost:
    """Names and the pictures behind them."""

    def __init__(self) -> None:
        self._exhibits: dict[str, PublishedImage] = {}
        self._hung = 0

    def publish(self, recipe: Recipe, *, fault: LinkFault | None = None, times: int | None = 0) -> str:
        """Offer a picture and return its name; a fault spoils its first ``times`` downloads."""
        self._hung += 1
        name = f"{self._hung:06d}.png"
        self._exhibits[name] = PublishedImage(recipe, fault, times)
        if len(self._exhibits) > MAX_IMAGES:
            del self._exhibits[next(iter(self._exhibits))]
        return name

    def find(self, name: str) -> PublishedImage | None:
        """Return the picture of this name, if there is one."""
        return self._exhibits.get(name)


def truncate_png(png: bytes) -> bytes:
    """Return the beginning of a picture, as a download leaves it that broke off."""
    return png[: len(png) * 2 // 3]


# The world outside, as far as played answers point to it: every foreign address has a picture here.

FOREIGN_PREFIX = "/elsewhere/"
_SCHEME = re.compile(r"https?:((?:\\*/){2})", re.IGNORECASE)
_SOURCE = re.compile(r"[^/?]+/source/([^/?]+)")
_VIDEOS = frozenset((".mp4", ".mov", ".m4v", ".webm"))


def rewrite_urls(text: str, base_url: str) -> str:
    """Let every web address in a text lead to us.

    Only the scheme is replaced, so host, path and query stay readable as they were, also when an event stream
    tears an address apart. Slashes stay escaped the way they are.
    """

    def here(found: re.Match[str]) -> str:
        return (base_url + FOREIGN_PREFIX).replace("/", found[1][: len(found[1]) // 2])

    return _SCHEME.sub(here, text)


def task_id_at(address: str) -> str | None:
    """Return the task that a foreign address (without its scheme) is the raw data of."""
    found = _SOURCE.fullmatch(address)
    return found[1] if found else None


def content_at(address: str, mode: ImageMode) -> Recipe | bytes:
    """Return what is found at a foreign address: its own picture, always the same, or a small video.

    Clients differ in which characters they quote, so that is no difference here.
    """
    address = unquote(address)
    path = PurePosixPath(address.partition("?")[0])
    if path.suffix.lower() in _VIDEOS:
        return tiny_mp4(address)
    return Recipe(address, 1, path.name, mode=mode)
