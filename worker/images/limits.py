"""Limits of one image: bytes, pixels, memory, redirects and time."""

from dataclasses import dataclass
from datetime import timedelta

from models.errors import ImageError

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one download or one inline image."""

    size: int = 64 * MIB  #: bytes of one image
    pixels: int = 100_000_000  #: width times height
    memory: int = MIB  #: bytes that a download holds in memory before it is spooled to a file
    redirects: int = 5  #: redirects that are followed
    connect: timedelta = timedelta(seconds=10)  #: to connect, TLS included
    read: timedelta = timedelta(seconds=30)  #: between two reads
    total: timedelta = timedelta(seconds=120)  #: for the whole download, redirects included


SMALL = (
    64 * KIB
)  #: bytes up to which work stays on the event loop or in a batch: a thread hop would cost more


def too_large(limits: Limits) -> ImageError:
    """Return the error for a body above the size limit."""
    return ImageError("asset_too_large", f"The picture is larger than {limits.size:,} bytes.")
