"""How an answer is split into chunks makes no difference."""

import base64
import random
import re
from collections.abc import Iterable

import pytest

from tests.worker.upstream.cases import Case, cases
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.base64_images import parse_base64_image
from worker.upstream.parsing.base64_stream import VERBATIM, Blobs, find_placeholders
from worker.upstream.parsing.response_reader import AnswerReader, read_answer

pytestmark = pytest.mark.slow(reason="every answer is cut at every place")

STREAMS, CASES = cases("sse"), cases()
ENDS = ("\n", "\r", "\r\n")


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def longer(body: bytes) -> bytes:
    """Replace each small image by one of some kilobytes."""

    def grown(match: re.Match[bytes]) -> bytes:
        known = parse_base64_image(match.group().decode())
        if known is None or known[1] != "image/png":
            return match.group()
        noise = random.Random(known[0]).randbytes(1500)
        return base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(4) + noise + b"IEND\xaeB`\x82" + bytes(1))

    return re.sub(rb"iVBORw0KGgo[\w+/-]{50,}={0,2}", grown, body)


def restored(text: str, blobs: Blobs) -> str:
    """Replace each placeholder by its base64."""
    for found in reversed(find_placeholders(text)):
        written = base64.b64encode(blobs[found.sha256]).decode().rstrip("=")
        text = text[: found.start] + written + text[found.end :]
    return text


every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
every_stream = pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.id)


def read(case: Case, chunks: Iterable[bytes]) -> Answer:
    reader = case.reader()
    for chunk in chunks:
        reader.feed(chunk)
    return reader.close()


@every_case
def test_every_single_split_of_an_answer_gives_the_same_answer(case: Case) -> None:
    whole = read(case, [case.body])
    step = max(1, len(case.body) // 120)
    for point in range(0, len(case.body), step):
        assert read(case, [case.body[:point], case.body[point:]]) == whole


@every_case
def test_an_answer_fed_byte_by_byte_is_the_same(case: Case) -> None:
    assert read(case, single(case.body)) == read(case, [case.body])


@pytest.mark.parametrize("end", ENDS)
@every_stream
def test_a_stream_means_the_same_with_any_line_ends(case: Case, end: str) -> None:
    lines = case.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    body = lines.replace(b"\n", end.encode())
    assert read(case, [body]) == read(case, [lines]) == read(case, single(body))


PICTURES = [case for case in CASES if longer(case.body) != case.body]


@pytest.mark.parametrize("case", PICTURES, ids=lambda case: case.id)
def test_long_images_are_parsed_like_short_ones(case: Case) -> None:
    body, observation = longer(case.body), case.observation
    options = {
        "input_urls": tuple(longer(url.encode()).decode() for url in observation.request_facts.input_urls),
        "n": observation.request_facts.n,
        "failed": observation.status is not None and observation.status >= 400,
    }
    expected = read_answer(body, inline_limit=VERBATIM, **options)
    for chunks in ([body], single(body), [body[at : at + 97] for at in range(0, len(body), 97)]):
        reader = AnswerReader(inline_limit=400, **options)
        for chunk in chunks:
            reader.feed(chunk)
        found = reader.close()
        assert [picture.address for picture in found.images] == [
            picture.address for picture in expected.images
        ]
        assert all(picture.blob is not None for picture in found.images if picture.data)
        assert restored(found.text, reader.blobs) == expected.text
        assert restored(reader.raw.decode(), reader.blobs).encode() == body
        assert classify(found, status=observation.status) == classify(expected, status=observation.status)


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.id)
def test_no_prefix_of_a_stream_shows_what_the_whole_does_not(case: Case) -> None:
    whole = case.answer()
    renderings = {picture.address for picture in whole.images} | set(whole.posters) | set(whole.videos)
    renderings |= {address for picture in whole.images for address in picture.alternates}
    renderings |= set(re.findall(r"\[\d+\]\((\S+?)\)", whole.text))  # they count until an image follows
    for point in range(0, len(case.body), 7):
        reader = case.reader()
        reader.feed(case.body[:point])
        assert tuple(reader.progress) == whole.progress[: len(reader.progress)]
        part = reader.close(complete=False)
        assert part.progress == whole.progress[: len(part.progress)]
        assert {picture.address for picture in part.images} <= renderings
