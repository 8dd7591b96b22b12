"""A response's body as it was meant, without trusting its compression."""

import zlib
from collections.abc import AsyncIterator, Iterator

import httpx

from models.errors import PictureError
from worker.images.limits import KIB

_PIECE = 256 * KIB  #: bytes that decompressing yields at once, whatever a chunk blows up to


async def decoded(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body in pieces of bounded size. We ask for it uncompressed, but undo gzip and deflate."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity", "none", "binary"):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise PictureError(
            "asset_not_image", f"The host sent it compressed as {encoding[:40]!r} without being asked."
        )
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    async for chunk in response.aiter_raw():
        for piece in _inflated(inflate, chunk):
            yield piece
    if not inflate.eof:
        raise PictureError("asset_truncated", "The compressed body ends too early.", retryable=True)


def _inflated(inflate: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while chunk and not inflate.eof:
        try:
            yield inflate.decompress(chunk, _PIECE)
        except zlib.error as error:
            raise PictureError(
                "asset_truncated", "The compressed body is damaged.", retryable=True
            ) from error
        chunk = inflate.unconsumed_tail
