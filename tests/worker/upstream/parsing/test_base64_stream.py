"""Long base64 is decoded while it arrives, and no character is lost."""

import base64
import hashlib
import itertools
import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.upstream.parsing.base64_stream import (
    Base64Extractor,
    Blobs,
    decode_placeholder,
    find_placeholders,
    merge_placeholders,
)

LONG = 400
BYTES = random.Random(1).randbytes(3000)
RUN = base64.b64encode(BYTES)


def cut(chunks: list[bytes], *, inline_limit: int = LONG, unescape: bool = False) -> tuple[bytes, Blobs]:
    blobs: Blobs = {}
    runs = Base64Extractor(blobs, inline_limit=inline_limit, unescape=unescape)
    return b"".join([*(runs.feed(chunk) for chunk in chunks), runs.close()]), blobs


def test_a_long_run_becomes_a_placeholder_with_the_hash_of_its_bytes() -> None:
    text, blobs = cut([b'{"url":"data:image/png;base64,' + RUN + b'"}'])
    digest = hashlib.sha256(BYTES).hexdigest()
    assert blobs == {digest: BYTES}
    assert text.decode() == (
        f'{{"url":"data:image/png;base64,{RUN[:128].decode()}sha256/{digest}/{len(RUN):08x}'
        f'{RUN[-192:].decode()}"}}'
    )
    (found,) = find_placeholders(text.decode())
    assert (found.end - found.start, found.sha256, found.characters) == (400, digest, len(RUN))


PARTS = st.sampled_from(
    [
        b"",
        b"A",
        b"\\",
        b"\\/",
        b"\\r\\n",
        b"\\n",
        b"\\u4e2d",
        b"=",
        b"==",
        b" ",
        b"\n",
        b'"',
        b"-_",
        "é".encode(),
    ]
    + [RUN[:size] for size in (3, 50, 399, 400, 401, 402, 403, 405, 406, 900)]
)


@given(st.lists(PARTS, max_size=8), st.lists(st.integers(0, 4000), max_size=6), st.booleans())
def test_how_a_text_is_split_makes_no_difference(
    parts: list[bytes], points: list[int], unescape: bool
) -> None:
    data = b"".join(parts)
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    whole = cut([data], unescape=unescape)
    assert cut([data[start:end] for start, end in itertools.pairwise(edges)], unescape=unescape) == whole
    assert cut([data[at : at + 1] for at in range(len(data))], unescape=unescape) == whole


@pytest.mark.parametrize("end", [b"\\n", b"\\r\\n"])
@pytest.mark.parametrize("width", [64, 76])
def test_a_long_run_that_is_wrapped_is_one_run(end: bytes, width: int) -> None:
    lines = [RUN[at : at + width] for at in range(0, len(RUN), width)]
    wrapped = b'{"url":"' + end.join(lines) + b'","note":"one' + end + b'two"}'
    for size in (1, 7, 64, len(wrapped)):
        text, blobs = cut([wrapped[at : at + size] for at in range(0, len(wrapped), size)], unescape=True)
        assert list(blobs.values()) == [BYTES]
        assert text.endswith(b'","note":"one' + end + b'two"}')


@given(st.lists(st.sampled_from([b"\\/", b"\\\\", b"/", b"n", b'\\"', b"\\u002f", RUN[:9]]), max_size=30))
def test_needless_escapes_of_slashes_are_removed(parts: list[bytes]) -> None:
    text = b'"' + b"".join(parts) + b'"'
    bare, _ = cut([text[at : at + 1] for at in range(len(text))], unescape=True)
    assert orjson.loads(bare) == orjson.loads(text)
    assert cut([text])[0] == text


def test_a_long_run_with_escaped_slashes_is_one_run() -> None:
    assert RUN.count(b"/") > 9
    escaped = b'{"url":"' + RUN.replace(b"/", b"\\/") + b'"}'
    for size in (1, 7, 64, len(escaped)):
        text, blobs = cut([escaped[at : at + size] for at in range(0, len(escaped), size)], unescape=True)
        assert list(blobs.values()) == [BYTES]
        assert len(text) == 400 + len(b'{"url":""}')


@given(st.integers(0, 5), st.binary(max_size=6), st.booleans())
def test_no_character_of_a_run_is_dropped(odd: int, end: bytes, padded: bool) -> None:
    run = base64.b64encode(BYTES + end)
    run = run[: len(run) - odd] if odd else run
    run = run if padded else run.rstrip(b"=")
    text, blobs = cut([run])
    (found,) = find_placeholders(text.decode())
    written = base64.b64encode(blobs[found.sha256]).rstrip(b"=")
    assert len(written) == found.characters
    assert written + text[found.end :] == run


@pytest.mark.parametrize("size", [0, 1, 399, 400])
def test_what_is_not_long_stays_as_it_is(size: int) -> None:
    text = b'"' + RUN[:size] + b'" and words'
    assert cut([text]) == (text, {})


@pytest.mark.parametrize("escape", [b"\\n", b"\\u000a", b"\\\\n"])
def test_the_letters_of_an_escape_are_no_base64(escape: bytes) -> None:
    text, blobs = cut([b'"' + escape + RUN + b'"'])
    assert list(blobs.values()) == [BYTES]
    assert text.startswith(b'"' + escape + RUN[:128])


def test_the_url_safe_alphabet_gives_the_same_placeholder() -> None:
    assert b"+" in RUN
    assert b"/" in RUN
    assert cut([RUN.replace(b"+", b"-").replace(b"/", b"_")]) == cut([RUN])


def extract_parts(run: bytes, *edges: int) -> tuple[str, Blobs]:
    """Extract parts of a run separately, and join their placeholders."""
    blobs: Blobs = {}
    text = b""
    for start, end in itertools.pairwise((0, *edges, len(run))):
        runs = Base64Extractor(blobs)
        text += runs.feed(run[start:end]) + runs.close()
    return text.decode(), blobs


@pytest.mark.parametrize("edges", [(100_001,), (70_002, 70_010, 150_003), (10, 100_000), (400_000 - 3,)])
def test_placeholders_that_touch_are_merged(edges: tuple[int, ...]) -> None:
    data = random.Random(2).randbytes(300_000)
    run = base64.b64encode(data)
    whole, _ = cut([run], inline_limit=65_536)
    text, blobs = extract_parts(run, *edges)
    assert merge_placeholders(f"![a](data:,{text})", blobs) == f"![a](data:,{whole.decode()})"
    assert decode_placeholder(whole.decode(), blobs) == data


def test_a_placeholder_that_touches_nothing_is_unchanged() -> None:
    text, blobs = extract_parts(RUN * 30)
    assert merge_placeholders(f"a {text} b", blobs) == f"a {text} b"
    assert merge_placeholders("no placeholder", blobs) == "no placeholder"


def test_a_forged_placeholder_has_no_bytes() -> None:
    text, blobs = extract_parts(RUN * 30)
    (found,) = find_placeholders(text)
    assert decode_placeholder(text, blobs) is not None
    assert decode_placeholder(text, {}) is None
    assert decode_placeholder("A" * 128 + text[128:], blobs) is None
    assert decode_placeholder(text.replace(f"{found.characters:08x}", "ffffffff"), blobs) is None
    assert decode_placeholder(text + text, blobs) is None
    assert find_placeholders(text[1:]) == []
    unknown = text.replace(found.sha256, "0" * 64)
    assert merge_placeholders(f"A{unknown}", blobs) == f"A{unknown}"


def test_a_placeholder_repeated_a_thousand_times_does_not_grow() -> None:
    text, blobs = extract_parts(RUN * 30)
    before = dict(blobs)
    assert len(merge_placeholders(text * 1000, blobs)) <= len(text) * 1000
    assert sum(map(len, blobs.values())) <= 5 * sum(map(len, before.values())) + 400_000


def test_unused_bits_of_a_non_canonical_encoder_lose_no_bytes() -> None:
    run = RUN * 30 + b"AB"  # B has a bit that belongs to no byte
    text, blobs = extract_parts(run)
    assert decode_placeholder(text, blobs) == BYTES * 30 + b"\x00"
