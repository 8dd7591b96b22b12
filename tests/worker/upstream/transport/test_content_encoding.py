"""Content encodings are decoded in any chunks, lazily, and never crash."""

import json
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.upstream.transport.content_encoding import DecodingError, decoder_for


def decode(encoding: str, data: bytes, size: int) -> bytes:
    decoder = decoder_for(encoding)
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    decoded = [part for chunk in chunks for part in decoder.feed(chunk)]
    assert max(map(len, decoded), default=0) <= 16 * 1024
    return b"".join(decoded)


def compress(data: bytes, bits: int) -> bytes:
    compressor = zlib.compressobj(wbits=bits)
    return compressor.compress(data) + compressor.flush()


GZIP, ZLIB, BARE = 31, 15, -15


@pytest.mark.parametrize(("encoding", "bits"), [("gzip", GZIP), ("deflate", ZLIB), ("deflate", BARE)])
@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
def test_an_encoding_is_decoded_in_any_chunks(encoding: str, bits: int, size: int) -> None:
    text = json.dumps({"a": list(range(9000))}).encode()
    assert decode(encoding, compress(text, bits), size) == text


@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_gzip_may_have_members_and_bytes_after_its_end(size: int) -> None:
    assert decode("x-gzip", compress(b"{", GZIP) + compress(b"}", GZIP) + b"garbage", size) == b"{}"
    assert decode("deflate", compress(b"{}", ZLIB) + b"garbage", size) == b"{}"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "x" * 10_000])
def test_an_unsupported_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(DecodingError):
        decoder_for(encoding)


def test_a_decompression_bomb_is_decoded_in_small_chunks() -> None:
    bomb = compress(bytes(30_000_000), GZIP)
    first = next(iter(decoder_for("gzip").feed(bomb)))
    assert len(first) <= 16 * 1024


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "", "identity"]))
def test_no_bytes_crash_a_decoder(data: bytes, encoding: str) -> None:
    with suppress(DecodingError):
        decode(encoding, data, 7)


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate"])
def test_an_empty_body_is_complete(encoding: str) -> None:
    assert decoder_for(encoding).complete


def test_a_truncated_body_is_not_complete() -> None:
    decoder = decoder_for("gzip")
    body = compress(b"{}" * 100, GZIP)
    assert b"".join(decoder.feed(body[:-4])) == b"{}" * 100
    assert not decoder.complete
    assert b"".join(decoder.feed(body[-4:])) == b""
    assert decoder.complete
