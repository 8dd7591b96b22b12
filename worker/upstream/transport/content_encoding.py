"""Undoes an answer's content encoding, piece by piece: the next piece is made once the last one was taken."""

import zlib
from collections.abc import Iterator
from typing import Protocol

_EITHER = zlib.MAX_WBITS | 32  #: with the header of gzip or of zlib
_PIECE = 16 * 1024  #: bytes; reading so many of whatever kind holds nobody up


class DecodingError(Exception):
    """The answer's encoding is unknown, or its bytes do not fit it."""


class Decoder(Protocol):
    """Turns pieces of an answer as sent into pieces as meant."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what ``chunk`` brings, in small pieces, some perhaps empty; raise ``Undecodable``."""

    @property
    def complete(self) -> bool:
        """Whether the answer may end here."""


class IdentityDecoder:
    """For answers that are sent as they are."""

    complete = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the bytes themselves."""
        for start in range(0, len(chunk), _PIECE):
            yield chunk[start : start + _PIECE]


class InflateDecoder:
    """For ``gzip``, in one member or several, and ``deflate``, with its header or without."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._head = b""
        self._begun = False
        self._stream = zlib.decompressobj(_EITHER) if gzip else None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what was compressed, never more at once than a piece: a bomb goes off slowly."""
        self._begun = self._begun or bool(chunk)
        if self._stream is None:
            chunk = self._head = self._head + chunk
            if len(chunk) < 2:
                return
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if _has_header(chunk) else -zlib.MAX_WBITS)
        while chunk:
            if self._stream.eof:
                if not (self._gzip and chunk.startswith(b"\x1f")):
                    return  # what follows the end means nothing
                self._stream = zlib.decompressobj(_EITHER)
            try:
                yield self._stream.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise DecodingError(str(error)) from error
            chunk = self._stream.unconsumed_tail or self._stream.unused_data

    @property
    def complete(self) -> bool:
        """Whether what was compressed has ended, or has not even begun."""
        return not self._begun or (self._stream is not None and self._stream.eof)


def _has_header(head: bytes) -> bool:
    """Return whether ``deflate`` has the header that it should have; many send it without."""
    return head[0] & 0x0F == 8 and int.from_bytes(head[:2]) % 31 == 0


def decoder_for(encoding: str) -> Decoder:
    """Return the decoder for a ``Content-Encoding`` header; raise ``Undecodable`` if we can't undo it."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return IdentityDecoder()
    if name in ("gzip", "x-gzip", "deflate"):
        return InflateDecoder(gzip=name != "deflate")
    raise DecodingError(f"content encoding {name[:40]!r} was not asked for")
