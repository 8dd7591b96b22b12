import asyncio
import base64
import io
import re
from typing import Any

import aiohttp
import orjson
import pytest
from PIL import Image

from tests.worker.practice.conftest import Chat
from worker.images.inspection import inspect
from worker.practice.drawing.png import prompt_of
from worker.practice.server import PracticeServer, start_practice

DATA = re.compile(rb'(?:base64,|b64_json\\?":\\?")([A-Za-z0-9+/=]+)')
LINK = re.compile(rb"/pictures/[\w.]+")


def decoded(data: bytes) -> bytes:
    """Return the bytes behind base64, as far as they came."""
    return base64.b64decode(data[: len(data) // 4 * 4])


async def pictures_in(body: bytes, client: aiohttp.ClientSession) -> list[bytes]:
    """Return the pictures an answer carries, each link once."""
    found = [decoded(data) for data in DATA.findall(body)]
    for link in dict.fromkeys(LINK.findall(body)):
        async with client.get(link.decode()) as response:
            assert response.content_type == "image/png"
            found.append(await response.read())
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "deliver", ["markdown_url", "markdown_data", "download_link", "images_field", "parts", "b64_json"]
)
async def test_every_delivery_has_the_requested_number_of_images(
    chat: Chat, client: aiohttp.ClientSession, deliver: str, stream: bool
) -> None:
    answer = await chat("a cat", stream=stream, practice={"deliver": deliver, "n": 2})
    pictures = await pictures_in(answer.body, client)

    assert len(set(pictures)) == 2
    assert {prompt_of(png) for png in pictures} == {"a cat"}
    assert answer.content_type == ("text/event-stream" if stream else "application/json")


async def test_images_are_drawn_by_default() -> None:
    async with await start_practice() as server, aiohttp.ClientSession(server.url) as client:
        body = {"messages": [{"role": "user", "content": "a cat [deliver markdown_data]"}], "size": "256x128"}
        async with client.post("/v1/chat/completions", json=body) as response:
            (png,) = await pictures_in(await response.read(), client)

    assert Image.open(io.BytesIO(png)).size == (256, 128)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_with_video_in_its_name_makes_videos(
    chat: Chat, client: aiohttp.ClientSession, stream: bool
) -> None:
    first, second = [
        await chat("a cat", model="practice-video", stream=stream, practice={"n": 2}) for _ in range(2)
    ]
    links = [dict.fromkeys(re.findall(rb"/[\w./-]+\.mp4", each.body)) for each in (first, second)]
    assert [len(found) for found in links] == [2, 2]
    assert not set(links[0]) & set(links[1])
    for link in links[0]:
        async with client.get(link.decode()) as response:
            assert (response.status, response.content_type) == (200, "video/mp4")
            assert inspect(await response.read()).content_type == "video/mp4"


async def test_the_link_to_a_video_may_be_dead(chat: Chat, client: aiohttp.ClientSession) -> None:
    answer = await chat("a cat", model="practice-video", practice={"fail": "dead link"})
    (link,) = dict.fromkeys(re.findall(rb"/[\w./-]+\.mp4", answer.body))
    async with client.get(link.decode()) as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("kind", "status"),
    [(kind, int(kind)) for kind in ("400", "401", "402", "403", "404", "429", "500", "502", "503", "504")]
    + [("moderation", 400), ("html", 200), ("no_picture", 200), ("refusal", 200), ("stream_error", 200)]
    + [("unfinished", 200), ("invalid_json", 200)],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_has_its_status_and_no_whole_picture(
    chat: Chat, kind: str, status: int, stream: bool
) -> None:
    answer = await chat("a cat", stream=stream, practice={"fail": kind, "deliver": "markdown_data"})

    assert answer.status == status
    assert not any(b"IEND" in decoded(data) for data in DATA.findall(answer.body))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["cut", "reset", "drop"])
async def test_a_broken_connection_is_seen_as_one(chat: Chat, kind: str, stream: bool) -> None:
    with pytest.raises(aiohttp.ClientError):
        await chat("a cat", stream=stream, practice={"fail": kind})


async def test_a_rate_limit_announces_when_to_retry(chat: Chat) -> None:
    assert (await chat("a cat [fail 429] [retry after 7s]")).headers["Retry-After"] == "7"
    assert "Retry-After" not in (await chat("a cat", practice={"fail": "429", "retry_after": None})).headers


async def test_a_prompt_fails_as_often_as_it_says_and_then_succeeds(
    chat: Chat, server: PracticeServer
) -> None:
    statuses = [(await chat("a cat [fail 429 twice]")).status for _ in range(3)]

    assert statuses == [429, 429, 200]
    assert [call.outcome for call in server.call_log.calls] == ["429", "429", "picture"]
    assert [call.charged for call in server.call_log.calls] == [False, False, True]


async def test_a_dead_link_comes_to_life_after_some_tries(chat: Chat, client: aiohttp.ClientSession) -> None:
    answer = await chat("a cat", practice={"fail": "dead link", "times": 2})
    (link,) = LINK.findall(answer.body)
    statuses = []
    for _ in range(3):
        async with client.get(link.decode()) as response:
            statuses.append(response.status)

    assert statuses == [404, 404, 200]


@pytest.mark.parametrize("deliver", ["markdown_url", "markdown_data"])
async def test_a_truncated_picture_has_no_end(
    chat: Chat, client: aiohttp.ClientSession, deliver: str
) -> None:
    answer = await chat("a cat", practice={"fail": "truncated", "deliver": deliver})
    (png,) = await pictures_in(answer.body, client)

    assert b"IEND" not in png


async def test_a_slow_drip_arrives_in_full(chat: Chat, client: aiohttp.ClientSession) -> None:
    answer = await chat("a cat", stream=True, practice={"fail": "drip", "interval": 0})

    assert len(await pictures_in(answer.body, client)) == 1


async def test_the_same_prompt_gives_another_picture_each_time(chat: Chat) -> None:
    bodies = [(await chat("a cat [deliver b64_json]")).json() for _ in range(2)]

    assert bodies[0]["data"] != bodies[1]["data"]


async def test_a_client_that_disconnects_is_logged(server: PracticeServer, chat: Chat) -> None:
    call = asyncio.ensure_future(chat("a cat [hang]"))
    await server.call_log.wait_until(lambda log: log.in_flight == 1)
    call.cancel()
    await server.call_log.wait_until(lambda log: log.in_flight == 0)

    assert [(entry.outcome, entry.aborted) for entry in server.call_log.calls] == [("hang", True)]


async def test_stopping_breaks_off_calls_in_flight() -> None:
    server = await start_practice(fail="hang")
    async with aiohttp.ClientSession(server.url) as client:
        body = {"messages": [{"role": "user", "content": "a cat"}]}
        call = asyncio.ensure_future(client.post("/v1/chat/completions", json=body))
        await server.call_log.wait_until(lambda log: log.in_flight == 1)
        await server.stop()
        with pytest.raises(aiohttp.ClientError):
            await call

    assert not server.call_log.calls[0].aborted


async def test_the_call_log_has_prompt_model_and_key_hash(chat: Chat, client: aiohttp.ClientSession) -> None:
    await chat("a cat", headers={"Authorization": "Bearer secret", "Idempotency-Key": "k1"})
    async with client.get("/ledger") as response:
        books: dict[str, Any] = await response.json()
    (call,) = books["calls"]

    assert {
        "prompt": "a cat",
        "model": "any",
        "idempotency_key": "k1",
        "outcome": "picture",
    }.items() <= call.items()
    assert "secret" not in str(books)
    assert call["received"] <= call["finished"]
    assert (books["count"], books["in_flight"], books["max_in_flight"], books["charged"]) == (1, 0, 1, 1)


async def test_the_call_log_can_be_read_in_parts_and_reset(chat: Chat, client: aiohttp.ClientSession) -> None:
    for number in range(3):
        await chat(f"a cat {number}")
    async with client.get("/ledger", params={"after": "2"}) as response:
        assert [call["number"] for call in (await response.json())["calls"]] == [3]
    async with client.get("/ledger", params={"calls": "0"}) as response:
        assert (await response.json())["calls"] == []
    async with client.post("/ledger/reset") as response:
        assert (await response.json())["count"] == 0


async def test_a_hidden_limit_turns_calls_away() -> None:
    body = {"messages": [{"role": "user", "content": "a cat"}]}
    async with (
        await start_practice(rpm=1, picture="tiny") as server,
        aiohttp.ClientSession(server.url) as client,
    ):
        async with client.post("/v1/chat/completions", json=body) as first:
            assert first.status == 200
        async with client.post("/v1/chat/completions", json=body) as second:
            assert second.status == 429
            assert 58 <= int(second.headers["Retry-After"]) <= 60

    assert [call.outcome for call in server.call_log.calls] == ["picture", "limited"]


async def test_a_thousand_calls_fly_at_once(server: PracticeServer) -> None:
    body = orjson.dumps({"messages": [{"role": "user", "content": "a cat [hang]"}]})
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(server.url, connector=connector) as client:
        calls = [asyncio.ensure_future(client.post("/v1/chat/completions", data=body)) for _ in range(1000)]
        await server.call_log.wait_until(lambda log: log.in_flight == 1000)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    assert server.call_log.max_in_flight == 1000


async def test_models_are_listed(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/models") as response:
        assert [model["id"] for model in (await response.json())["data"]] == ["practice-image"]


async def test_an_invalid_option_is_refused_with_its_name(chat: Chat) -> None:
    answer = await chat("a cat", practice={"delay": "soon"})

    assert answer.status == 400
    assert answer.json()["error"]["param"] == "practice.delay"
