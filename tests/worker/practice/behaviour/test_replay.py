"""Cases are played as they came over the wire."""

import aiohttp
import pytest

from tests.worker.practice.conftest import Chat
from worker.practice.async_tasks import image_address
from worker.practice.corpus import CorpusCase, case_script, corpus
from worker.practice.drawing.png import prompt_of
from worker.practice.images import FOREIGN_PREFIX, rewrite_urls
from worker.practice.server import PracticeServer
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.response_reader import AnswerReader

ANSWERED = [case for case in corpus().values() if case.transport is None]
TO_FETCH = [case for case in ANSWERED if case.urls]
_UNFINISHED = [
    case for case in ANSWERED if case.task_ids and case.expected["outcome"] in ("ambiguous", "pending")
]

every_answer = pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case.id)
every_case_to_fetch = pytest.mark.parametrize("case", TO_FETCH, ids=lambda case: case.id)
every_unfinished_case = pytest.mark.parametrize("case", _UNFINISHED, ids=lambda case: case.id)


def read(case: CorpusCase, body: bytes, *inputs: str) -> Answer:
    reader = AnswerReader(input_urls=inputs, n=case.request.get("n"), failed=(case.status or 0) >= 400)
    reader.feed(body)
    return reader.close()


@every_answer
async def test_a_case_is_played_with_its_status_headers_and_bytes(chat: Chat, case: CorpusCase) -> None:
    answer = await chat(f"a cat #case:{case.id}", practice={"verbatim": True})

    assert answer.status == case.status
    assert answer.body == case.body.encode()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert {name.lower(): value for name, value in case.headers.items()}.items() <= headers.items()


@every_case_to_fetch
async def test_a_played_answer_means_the_same_and_leads_to_us(
    chat: Chat, server: PracticeServer, case: CorpusCase
) -> None:
    def here(address: str) -> str:
        return rewrite_urls(address, server.url)

    inputs = [here(url) for url in case.request.get("input_urls", ())]
    answer = read(case, (await chat(f"#case:{case.id}")).body, *inputs)

    assert [picture.address for picture in answer.images] == [here(url) for url in case.expected["images"]]
    assert list(answer.videos) == [here(url) for url in case.expected.get("videos", ())]
    assert answer.task_id == case.expected.get("task_id")
    poll_url = case.expected.get("poll_url")
    assert answer.poll_url == (here(poll_url) if poll_url else None)
    alternates = {
        picture.address: list(picture.alternates) for picture in answer.images if picture.alternates
    }
    assert alternates == {
        here(url): [here(each) for each in others]
        for url, others in case.expected.get("alternates", {}).items()
    }


@every_case_to_fetch
async def test_every_address_of_an_answer_has_something_of_its_own(
    client: aiohttp.ClientSession, server: PracticeServer, case: CorpusCase
) -> None:
    found = set()
    for address in case.urls:
        async with client.get(rewrite_urls(address, server.url)) as response:
            assert response.status == 200
            found.add(await response.read())

    assert len(found) == len(set(case.urls))


async def test_a_foreign_picture_tells_its_address_and_is_always_the_same(
    client: aiohttp.ClientSession,
) -> None:
    bodies = []
    for _ in range(2):
        async with client.get(f"{FOREIGN_PREFIX}cdn.example.com/a/b.png?x=1") as response:
            assert response.content_type == "image/png"
            bodies.append(await response.read())

    assert prompt_of(bodies[0]) == "cdn.example.com/a/b.png?x=1"
    assert bodies[0] == bodies[1]


async def test_an_event_stream_comes_in_pieces(client: aiohttp.ClientSession) -> None:
    case = next(case for case in TO_FETCH if case.kind == "sse")
    body = {"messages": [{"role": "user", "content": f"#case:{case.id}"}]}
    async with client.post("/v1/chat/completions", json=body) as response:
        pieces = [piece async for piece in response.content.iter_any()]

    assert len(pieces) > 1


@pytest.mark.parametrize("case", [case for case in corpus().values() if case.transport], ids=lambda c: c.id)
async def test_a_broken_connection_is_played_as_one(
    chat: Chat, server: PracticeServer, client: aiohttp.ClientSession, case: CorpusCase
) -> None:
    wait = aiohttp.ClientTimeout(total=2)
    body = {"messages": [{"role": "user", "content": f"#case:{case.id}"}]}
    with pytest.raises((aiohttp.ClientError, TimeoutError)) as broken:
        await client.post("/v1/chat/completions", json=body, timeout=wait)

    assert isinstance(broken.value, TimeoutError) == (case.transport == "read_timeout")
    assert [call.case for call in server.call_log.calls] == [case.id]


async def test_several_cases_are_played_one_after_the_other(chat: Chat, server: PracticeServer) -> None:
    statuses = [(await chat("a cat #case:h006 #case:R002")).status for _ in range(3)]

    assert statuses == [429, 200, 200]
    assert [call.case for call in server.call_log.calls] == ["H006", "R002", "R002"]
    assert [(call.charged, call.billed) for call in server.call_log.calls][:2] == [
        (False, "no"),
        (True, "yes"),
    ]
    assert server.call_log.summary()["cases"] == {"H006": 1, "R002": 2}


async def test_an_unknown_case_is_refused_with_near_ones(chat: Chat) -> None:
    answer = await chat("a cat #case:S01")

    assert answer.status == 400
    assert "S010" in answer.json()["error"]["message"]
    assert answer.json()["error"]["param"].startswith("practice.case")


@every_unfinished_case
async def test_an_unfinished_task_is_found_running_and_then_done(
    chat: Chat, client: aiohttp.ClientSession, server: PracticeServer, case: CorpusCase
) -> None:
    await chat(f"#case:{case.id}")
    answers = []
    for _ in range(2):
        async with client.get(f"/v1/images/tasks/{case.task_ids[0]}") as response:
            answers.append((await response.json())["data"])
    async with client.get(f"/source/{case.task_ids[0]}") as response:
        body = await response.json()

    assert [answer["status"] for answer in answers] == ["IN_PROGRESS", "SUCCESS"]
    assert body["urls"] == [answers[1]["data"]["data"][0]["url"]]
    async with client.get(body["urls"][0]) as response:
        assert prompt_of(await response.read()) == image_address(case.task_ids[0])
    assert [poll.outcome for poll in server.call_log.polls] == ["running", "done", "done"]


async def test_a_raw_data_link_of_an_answer_can_be_followed(
    chat: Chat, client: aiohttp.ClientSession
) -> None:
    case = next(case for case in _UNFINISHED if case.expected.get("poll_url"))
    poll_url = read(case, (await chat(f"#case:{case.id}")).body).poll_url
    assert poll_url
    bodies = []
    for _ in range(2):
        async with client.get(poll_url) as response:
            bodies.append(await response.json())

    assert [(each["running"], len(each["urls"])) for each in bodies] == [(True, 0), (False, 1)]


@pytest.mark.parametrize(
    "path", ["/source/nobody", "/v1/images/tasks/nobody", "/elsewhere/a.example/source/x"]
)
async def test_a_task_that_nobody_left_is_not_found(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as response:
        assert response.status == 404


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_a_body_may_be_cut(kind: str) -> None:
    case = CorpusCase(
        "X", "error", "", 200, {"content-type": kind}, "data: {}", "cut", {}, {"outcome": "ambiguous"}
    )
    script = case_script(case, base_url=None, delay=0)

    assert b"".join(step.data for step in script.steps) == b"data: {}"
    assert script.end == "drop"
    assert script.content_length is None or script.content_length > len(case.body)


async def test_headers_of_the_connection_are_not_played() -> None:
    headers = {"Content-Length": "1", "Content-Encoding": "br", "Connection": "close", "X-Request-Id": "a"}
    case = CorpusCase("X", "error", "", 500, headers, "body", None, {}, {"outcome": "retry"})

    assert case_script(case, base_url=None, delay=0).headers == {"X-Request-Id": "a"}
