"""A relay of the one-hub kind: strict types, one bulk request for all open rows, codes replaced in the bytes,
and a code 3 that makes it submit once more in relax mode."""

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from models.tables import channels
from tests.api.midjourney.strict_types import decoded
from tests.api.service import ALICE
from tests.clients.midjourney.installation import Answer, ClientProgram, Installation, open_installation

HOUR = 3600  # seconds after its submit, at which the relay gives a row up


@pytest.fixture
def relay(installation: Installation) -> ClientProgram:
    """The relay, which forwards what its users send."""
    return relay_of(installation)


def relay_of(installation: Installation) -> ClientProgram:
    return installation.client(
        Content_Type="application/json", Accept="application/json", mj_api_secret=ALICE
    )


def forwarded(answer: Answer) -> Answer:
    """Replace codes as the relay does, in the bytes of an accepted submit."""
    answer.read("description", str)
    answer.read("properties", dict)
    answer.read("result", str, None)
    body = answer.body.replace(b'"code":22', b'"code":1').replace(b'"code":21', b'"code":1')
    return Answer(answer.status, body)


async def rows(relay: ClientProgram, numbers: list[str]) -> dict[str, dict[str, object]]:
    """Poll open rows: nothing but what was asked for, and each of strict types."""
    answer = await relay.post("/mj/task/list-by-condition", {"ids": numbers})
    assert (answer.status, type(answer.content)) == (200, list)
    found = {task["id"]: decoded(task) for task in answer.content}
    assert set(found) <= set(numbers)
    return found


async def test_rows_are_charged_polled_and_closed(installation: Installation, relay: ClientProgram) -> None:
    body = {"prompt": "a red fox", "botType": "MID_JOURNEY", "base64Array": [], "state": ""}
    numbers = []
    for prompt in ("a red fox", "a wolf [fail moderation]"):
        answer = await relay.post("/mj/submit/imagine", {**body, "prompt": prompt})
        assert (answer.status, forwarded(answer).read("code", int)) == (200, 1)
        numbers.append(answer.read("result", str))
    waiting = await rows(relay, [*numbers, "1"])
    now = installation.clock.at.timestamp()
    assert {0 <= now - int(str(row["submitTime"])) / 1000 < HOUR for row in waiting.values()} == {True}
    await installation.draw()
    ended = await rows(relay, numbers)
    done, failed = (ended[number] for number in numbers)
    assert (done["progress"], done["failReason"]) == ("100%", None)
    assert failed["progress"] != "100%"
    assert failed["failReason"]
    seed = await relay.get(f"/mj/task/{numbers[0]}/image-seed", content=b"null")
    assert (seed.read("code", int), seed.read("result", str).isdigit()) == (1, True)


async def test_a_full_channel_is_code_22_by_its_letters_and_no_capacity_is_no_code_3(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_installation(sqlite_url, tmp_path, upstream_concurrency=4) as installation:
        relay = relay_of(installation)
        async with installation.stack.darkroom.services.database.writing() as connection:
            paused = {"paused_at": installation.clock(), "paused_reason": "moving house"}
            await connection.execute(update(channels).values(**paused))
        answers = [await relay.post("/mj/submit/imagine", {"prompt": f"{n}"}) for n in ("a", "b")]
    assert [answer.read("code", int) for answer in answers] == [1, 22]
    assert b'"code":22,' in answers[1].body
    assert forwarded(answers[1]).read("code", int) == 1


async def test_a_rejected_submit_opens_no_row(installation: Installation, relay: ClientProgram) -> None:
    task = json.loads((await relay.post("/mj/submit/imagine", {"prompt": "a red fox"})).body)["result"]
    rejected = [
        ("/mj/submit/imagine", {"prompt": ""}, 4),
        ("/mj/submit/imagine", {"prompt": 5}, 4),
        ("/mj/submit/change", {"taskId": "1700000000000123", "action": "UPSCALE", "index": 1}, 3),
        ("/mj/submit/action", {"taskId": task, "customId": "MJ::JOB::upsample::1::x"}, 4),
    ]
    for path, body, code in rejected:
        answer = await relay.post(path, body)
        assert (answer.status, answer.read("code", int), answer.read("result", None)) == (200, code, None)


async def test_dialogs_are_opened_only_where_the_relay_lets_them_through(
    installation: Installation, relay: ClientProgram
) -> None:
    number = (await relay.post("/mj/submit/imagine", {"prompt": "a red fox"})).read("result", str)
    await installation.draw()
    grid = (await rows(relay, [number]))[number]
    for button in grid["buttons"]:  # type: ignore[attr-defined]  # a list, as its types were checked
        answer = await relay.post("/mj/submit/action", {"taskId": number, "customId": button["customId"]})
        assert answer.read("code", int) in (1, 22)
    uploaded = await relay.post("/mj/submit/upload-discord-images", {"base64Array": []})
    assert uploaded.read("code", int) == 4
