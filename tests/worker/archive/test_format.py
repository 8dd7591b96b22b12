"""Answers as they are kept: short, without the key, and good to be read again."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.outcomes import Outcome
from tests.worker.upstream.cases import Case, cases
from worker.archive.format import ArchivedResponse, dump, load, parse_archived
from worker.archive.redaction import INLINE_LIMIT, redact
from worker.upstream.parsing.base64_stream import Blobs

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40 + b"IEND\xaeB`\x82"


def kept(body: bytes, *, limit: int = 2**20, status: int | None = 200) -> tuple[ArchivedResponse, Blobs]:
    blobs: Blobs = {}
    text, cut = redact(body, blobs, limit=limit)
    return ArchivedResponse({}, text, status=status, cut=cut, blobs=dict.fromkeys(blobs, "key")), blobs


def test_base64_of_a_kilobyte_becomes_a_blob_that_is_found_again() -> None:
    body = b'{"data":[{"b64_json":"%b"}]}' % base64.b64encode(PNG)
    answer, blobs = kept(body)
    assert blobs == {hashlib.sha256(PNG).hexdigest(): PNG}
    assert len(answer.body) < INLINE_LIMIT
    again = parse_archived(load(dump(answer)), blobs)
    assert again.outcome == Outcome.SUCCESS
    assert again.answer is not None
    assert [picture.blob for picture in again.answer.images] == [PNG]


@given(st.binary(max_size=300) | st.integers(3_500, 4_200).map(lambda size: b"a" * size), st.booleans())
def test_whatever_bytes_came_are_read_back(body: bytes, cut: bool) -> None:
    about, headers, blobs = {"attempt": 1}, {"retry-after": "7"}, {"0a": "answers/blobs/0a/0a"}
    answer = ArchivedResponse(
        about, body, 503, headers, "read_timeout", 1.5, ("u",), 2, True, "https://h", cut, blobs
    )
    assert load(dump(answer)) == answer


@pytest.mark.parametrize("stored", [b"", b"\x1f\x8b", b"{}", dump(ArchivedResponse({}, b""))[:-20]])
def test_anything_but_an_archived_response_is_refused(stored: bytes) -> None:
    with pytest.raises(ValueError):
        load(stored)


def test_a_text_that_is_too_long_loses_its_middle() -> None:
    lines = b"".join(b'data: {"n": %d}\n\n' % number for number in range(2000))
    answer, _ = kept(b"first " + lines + b" last", limit=4096)
    assert answer.cut
    assert len(answer.body) < 4096 + 100
    assert answer.body.startswith(b"first ")
    assert answer.body.endswith(b" last")
    assert b"\n\n: %d bytes are left out here\n\n" % (len(lines) + 11 - 4096) in answer.body


def test_a_stream_without_its_middle_still_yields_the_picture_at_its_end() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
    body = event % b"thinking. " * 500 + event % b"![](https://h.example/a.png)" + b"data: [DONE]\n\n"
    answer, _ = kept(body, limit=4096)
    again = parse_archived(answer, {})
    assert again.answer is not None
    assert [picture.url for picture in again.answer.images] == ["https://h.example/a.png"]


@pytest.mark.parametrize(
    "case", [each for each in cases() if each.body and each.status], ids=lambda case: case.id
)
def test_every_answer_seen_in_the_wild_means_the_same_when_it_is_read_again(case: Case) -> None:
    seen, blobs = case.observation, Blobs()
    text, _ = redact(seen.body, blobs, limit=2**20)
    context = seen.request_facts
    answer = ArchivedResponse(
        {}, text, seen.status, dict(seen.headers), seen.failure, seen.elapsed, context.input_urls, context.n
    )
    again, first = parse_archived(load(dump(answer)), blobs), case.explanation
    assert again.document().get("images") == first.document().get("images")
    assert again.result is not None
    assert (again.outcome, again.result.code) == (first.outcome, case.result().code)
    assert again.result.billed == case.result().billed
