"""Undoes an answer's content encoding, piece by piece, and never further than a limit."""

import zlib
from typing import Protocol


class Undecodable(Exception):
    """The answer's encoding is unknown, or its bytes do not fit it."""


class Decoder(Protocol):
    """Turns pieces of an answer as sent into pieces as meant."""

    def decode(self, chunk: bytes, limit: int) -> bytes:
        """Return at most ``limit`` bytes more than are still wanted; raise ``Undecodable``."""


class Identity:
    """For answers that are sent as they are."""

    def decode(self, chunk: bytes, limit: int) -> bytes:
        """Return the bytes themselves."""
        return chunk


class Inflate:
    """For ``gzip`` and ``deflate``, with or without their headers."""

    def __init__(self, *, gzip: bool) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32 if gzip else zlib.MAX_WBITS)
        self._gzip = gzip
        self._started = False

    def decode(self, chunk: bytes, limit: int) -> bytes:
        """Inflate no more than ``limit`` bytes and one: who gets that many knows that there was too much."""
        try:
            found = self._stream.decompress(chunk, limit + 1)
        except zlib.error as error:
            if self._gzip or self._started:
                raise Undecodable(str(error)) from error
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)  # deflate without its header is common
            self._started = True
            return self.decode(chunk, limit)
        self._started = True
        return found


def decoder_for(encoding: str) -> Decoder:
    """Return the decoder for a ``Content-Encoding`` header; raise ``Undecodable`` if we can't undo it."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return Identity()
    if name in ("gzip", "x-gzip", "deflate"):
        return Inflate(gzip=name != "deflate")
    raise Undecodable(f"content encoding {name[:40]!r} was not asked for")
