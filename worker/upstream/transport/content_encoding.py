"""Content encodings gzip and deflate, decoded lazily in bounded chunks."""

import zlib
from collections.abc import Iterator
from typing import Protocol

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32  #: header of gzip or zlib, detected
_MAX_CHUNK = 16 * 1024  #: bytes per step, so that parsing them does not block the event loop


class DecodingError(Exception):
    """The content encoding is unknown, or the bytes are invalid in it."""


class Decoder(Protocol):
    """Incremental decoder of a content encoding."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the decoded bytes of a chunk in small chunks, possibly empty; raise ``DecodingError``."""

    @property
    def complete(self) -> bool:
        """Whether the body may end here."""


class IdentityDecoder:
    """Decoder of ``identity``: bytes without encoding."""

    complete = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the bytes as they are."""
        for start in range(0, len(chunk), _MAX_CHUNK):
            yield chunk[start : start + _MAX_CHUNK]


class InflateDecoder:
    """Decoder of ``gzip``, in one or several members, and ``deflate``, with or without its header."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._head = b""
        self._started = False
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB) if gzip else None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield decompressed bytes, at most one small chunk at a time: a bomb never expands at once."""
        self._started = self._started or bool(chunk)
        if self._stream is None:
            chunk = self._head = self._head + chunk
            if len(chunk) < 2:
                return
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if _has_header(chunk) else -zlib.MAX_WBITS)
        while chunk:
            if self._stream.eof:
                if not (self._gzip and chunk.startswith(b"\x1f")):
                    return  # bytes after the end are ignored
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                yield self._stream.decompress(chunk, _MAX_CHUNK)
            except zlib.error as error:
                raise DecodingError(str(error)) from error
            chunk = self._stream.unconsumed_tail or self._stream.unused_data

    @property
    def complete(self) -> bool:
        """Whether the compressed stream has ended, or has not begun."""
        return not self._started or (self._stream is not None and self._stream.eof)


def _has_header(head: bytes) -> bool:
    """Return whether ``deflate`` has the zlib header of RFC 1950; many servers omit it."""
    return head[0] & 0x0F == 8 and int.from_bytes(head[:2]) % 31 == 0


def decoder_for(encoding: str) -> Decoder:
    """Return the decoder of a ``Content-Encoding``; raise ``DecodingError`` if it is not supported."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return IdentityDecoder()
    if name in ("gzip", "x-gzip", "deflate"):
        return InflateDecoder(gzip=name != "deflate")
    raise DecodingError(f"content encoding {name[:40]!r} was not asked for")
