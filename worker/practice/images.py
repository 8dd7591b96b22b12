"""Image host: images drawn on download, and the content of foreign URLs in replayed responses."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote

from worker.practice.drawing.mp4 import tiny_mp4
from worker.practice.drawing.render import ImageMode, Recipe

LinkFault = Literal["dead_link", "truncated"]
MAX_IMAGES = 200_000  #: older images are dropped


@dataclass(slots=True)
class PublishedImage:
    """One image, its fault, and the number of downloads that still fail (``None``: all)."""

    recipe: Recipe
    fault: LinkFault | None = None
    faults_left: int | None = 0
    downloads: int = 0

    def next_fault(self) -> LinkFault | None:
        """Count one download and return its fault."""
        self.downloads += 1
        if self.fault is None or self.faults_left == 0:
            return None
        if self.faults_left is not None:
            self.faults_left -= 1
        return self.fault


class ImageHost:
    """Published images by name."""

    def __init__(self) -> None:
        self._images: dict[str, PublishedImage] = {}
        self._published = 0

    def publish(self, recipe: Recipe, *, fault: LinkFault | None = None, times: int | None = 0) -> str:
        """Publish an image and return its name; ``fault`` applies to the first ``times`` downloads."""
        self._published += 1
        name = f"{self._published:06d}.png"
        self._images[name] = PublishedImage(recipe, fault, times)
        if len(self._images) > MAX_IMAGES:
            del self._images[next(iter(self._images))]
        return name

    def find(self, name: str) -> PublishedImage | None:
        """Return the image of this name; ``None`` if there is none."""
        return self._images.get(name)


def truncate_png(png: bytes) -> bytes:
    """Return a truncated image, as after an interrupted download."""
    return png[: len(png) * 2 // 3]


# Foreign URLs: those of replayed responses, rewritten to this server, which has an image for each

FOREIGN_PREFIX = "/elsewhere/"
_SCHEME = re.compile(r"https?:((?:\\*/){2})", re.IGNORECASE)
_SOURCE = re.compile(r"[^/?]+/source/([^/?]+)")
_VIDEOS = frozenset((".mp4", ".mov", ".m4v", ".webm"))


def rewrite_urls(text: str, base_url: str) -> str:
    """Rewrite every web URL in a text to this server.

    Only the scheme is replaced: host, path and query stay, even where events of a stream split a URL. Slashes
    stay escaped as they are.
    """

    def prefix(found: re.Match[str]) -> str:
        return (base_url + FOREIGN_PREFIX).replace("/", found[1][: len(found[1]) // 2])

    return _SCHEME.sub(prefix, text)


def task_id_at(address: str) -> str | None:
    """Return the id of the task whose raw data link this foreign URL (without scheme) is, or ``None``."""
    found = _SOURCE.fullmatch(address)
    return found[1] if found else None


def content_at(address: str, mode: ImageMode) -> Recipe | bytes:
    """Return the content of a foreign URL: its own image, always the same, or a small video.

    The URL is unquoted, since clients differ in which characters they quote.
    """
    address = unquote(address)
    path = PurePosixPath(address.partition("?")[0])
    if path.suffix.lower() in _VIDEOS:
        return tiny_mp4(address)
    return Recipe(address, 1, path.name, mode=mode)
