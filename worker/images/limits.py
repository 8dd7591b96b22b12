"""How much of everything one picture may cost us."""

from dataclasses import dataclass
from datetime import timedelta

from models.errors import ImageError

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The caps of one download or one inline picture."""

    size: int = 64 * MIB  #: bytes of one picture
    pixels: int = 100_000_000  #: width times height
    memory: int = MIB  #: bytes that a download may hold in memory before it goes to a file
    redirects: int = 5  #: hops that are followed
    connect: timedelta = timedelta(seconds=10)  #: to reach the host, TLS included
    read: timedelta = timedelta(seconds=30)  #: without a byte
    total: timedelta = timedelta(seconds=120)  #: for the whole download, redirects included


SMALL = 64 * KIB  #: bytes below which work is done at once: a hop to a thread would cost more


def too_large(limits: Limits) -> ImageError:
    """Return the error for a body above the size limit."""
    return ImageError("asset_too_large", f"The picture is larger than {limits.size:,} bytes.")
