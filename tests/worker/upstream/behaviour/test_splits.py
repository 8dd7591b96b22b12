"""How bytes are split on the way makes no difference, and no bytes can break the reader."""

import base64
import itertools
import random
import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.upstream.cases import Case, cases
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.base64_images import parse_base64_image
from worker.upstream.parsing.base64_stream import VERBATIM, Blobs, find_placeholders
from worker.upstream.parsing.progress import ProgressParser
from worker.upstream.parsing.response_reader import AnswerReader, read_answer
from worker.upstream.parsing.sse import Event, EventStreamParser

pytestmark = pytest.mark.slow(reason="every answer is cut at every place")

STREAMS, CASES = cases("sse"), cases()
ENDS = ("\n", "\r", "\r\n")


def events(chunks: list[bytes]) -> list[Event]:
    reader = EventStreamParser()
    found = [event for chunk in chunks for event in reader.feed(chunk)]
    return found + reader.close()


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def longer(body: bytes) -> bytes:
    """Put a picture of some kilobytes in the place of each small one."""

    def grown(match: re.Match[bytes]) -> bytes:
        known = parse_base64_image(match.group().decode())
        if known is None or known[1] != "image/png":
            return match.group()
        noise = random.Random(known[0]).randbytes(1500)
        return base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(4) + noise + b"IEND\xaeB`\x82" + bytes(1))

    return re.sub(rb"iVBORw0KGgo[\w+/-]{50,}={0,2}", grown, body)


def restored(text: str, blobs: Blobs) -> str:
    """Write the base64 of each stand-in again."""
    for found in reversed(find_placeholders(text)):
        written = base64.b64encode(blobs[found.sha256]).decode().rstrip("=")
        text = text[: found.start] + written + text[found.end :]
    return text


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(
    lines=st.lists(
        st.sampled_from(["data: a", "data:b", "data", ": ping", "", "event: x", "id: 1", "é", ""])
    ),
    ends=st.lists(st.sampled_from(ENDS), min_size=1),
    points=st.lists(st.integers(0, 400)),
)
def test_any_split_of_a_stream_gives_the_same_events(
    lines: list[str], ends: list[str], points: list[int]
) -> None:
    data = "".join(line + end for line, end in zip(lines, itertools.cycle(ends), strict=False)).encode()
    assert events(cut(data, points)) == events([data]) == events([bytes([byte]) for byte in data])


@pytest.mark.parametrize("end", ENDS)
def test_all_line_ends_mean_the_same(end: str) -> None:
    text = "\ufeff: hi\nevent: error\ndata: a\ndata:b\ndata\n\nretry: 1\n\ndata: c\n\n".replace("\n", end)
    assert events([text.encode()]) == [Event("error", b"a\nb\n"), Event("message", b"c")]


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
def test_an_answer_with_long_pictures_is_understood_like_one_with_short_ones(case: Case) -> None:
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
    renderings |= set(re.findall(r"\[\d+\]\((\S+?)\)", whole.text))  # marks count until a picture follows
    for point in range(0, len(case.body), 7):
        reader = case.reader()
        reader.feed(case.body[:point])
        assert tuple(reader.progress) == whole.progress[: len(reader.progress)]
        part = reader.close(complete=False)
        assert part.progress == whole.progress[: len(part.progress)]
        assert {picture.address for picture in part.images} <= renderings


TEXT = st.text(alphabet='![]()<>`{}":/\\. \nhtps进度progress0123456789%*-,|&;=', max_size=200)


@given(TEXT, st.lists(st.integers(0, 200)))
def test_progress_is_the_same_for_any_split_and_only_rises(text: str, points: list[int]) -> None:
    whole, parts = ProgressParser(), ProgressParser()
    expected = whole.feed(text) + whole.close()
    edges = [0, *sorted(point % (len(text) + 1) for point in points), len(text)]
    found = [value for start, end in itertools.pairwise(edges) for value in parts.feed(text[start:end])]
    found += parts.close()
    assert found == expected == sorted(set(expected))


def test_the_reader_knows_handles_before_the_answer_ends() -> None:
    reader = AnswerReader()
    content = "> ID: `task_9`\\n>[Raw data](https://x.asyncdata.net/source/task_9)\\n"
    reader.feed(b'data: {"choices":[{"index":0,"delta":{"content":"' + content.encode() + b'"}}]}\n\n')
    assert (reader.handles.task_id, reader.handles.poll_url) == (
        "task_9",
        "https://x.asyncdata.net/source/task_9",
    )
