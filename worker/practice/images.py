"""Pictures that wait to be downloaded; each is made when somebody asks for it."""

from dataclasses import dataclass
from typing import Literal

from worker.practice.drawing.render import Recipe

LinkFault = Literal["dead_link", "truncated"]
KEPT = 200_000  #: older pictures are forgotten


@dataclass(slots=True)
class Exhibit:
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


class Gallery:
    """Names and the pictures behind them."""

    def __init__(self) -> None:
        self._exhibits: dict[str, Exhibit] = {}
        self._hung = 0

    def hang(self, recipe: Recipe, *, fault: LinkFault | None = None, times: int | None = 0) -> str:
        """Offer a picture and return its name; a fault spoils its first ``times`` downloads."""
        self._hung += 1
        name = f"{self._hung:06d}.png"
        self._exhibits[name] = Exhibit(recipe, fault, times)
        if len(self._exhibits) > KEPT:
            del self._exhibits[next(iter(self._exhibits))]
        return name

    def find(self, name: str) -> Exhibit | None:
        """Return the picture of this name, if there is one."""
        return self._exhibits.get(name)


def cut_short(png: bytes) -> bytes:
    """Return the beginning of a picture, as a download leaves it that broke off."""
    return png[: len(png) * 2 // 3]
