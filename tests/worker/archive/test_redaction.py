"""Redaction of raw responses."""

import base64

import pytest

from worker.archive.redaction import INLINE_LIMIT, redact
from worker.upstream.parsing.base64_stream import Blobs

LONG = bytes(range(256)) * 64


def redacted(raw: bytes, limit: int = 1_000_000) -> tuple[bytes, bool, Blobs]:
    blobs: Blobs = {}
    text, cut = redact(raw, blobs, limit=limit)
    return text, cut, blobs


@pytest.mark.parametrize(("size", "count"), [(INLINE_LIMIT // 2, 0), (len(LONG), 1)])
def test_only_long_base64_is_replaced_and_its_bytes_are_kept(size: int, count: int) -> None:
    data = LONG[:size]
    raw = b'{"b64_json": "' + base64.b64encode(data) + b'"}'
    text, _, blobs = redacted(raw)
    assert list(blobs.values()) == [data] * count
    assert (text == raw) is (count == 0)
    assert text.startswith(b'{"b64_json": "')


def test_a_text_over_the_limit_loses_its_middle() -> None:
    raw = b"begin" + b" x" * 1000 + b"end"
    text, cut, _ = redacted(raw, limit=100)
    head, note, tail = text.split(b"\n\n")
    assert cut
    assert (head[:5], tail[-3:], len(head) + len(tail)) == (b"begin", b"end", 100)
    assert note == f": {len(raw) - 100} bytes are left out here".encode()
