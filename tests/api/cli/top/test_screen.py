"""`darkroom top` in a terminal of 80 by 24: lower-case keys look, upper-case keys act, by the API."""

import asyncio
from collections.abc import Callable
from typing import Any

from api.cli.top.screen import Question, TopScreen
from darkroom_client import Darkroom
from tests.api.cli.scripted_server import ScriptedServer, a_job

CHANNEL = {
    "name": "relay",
    "state": "open",
    "in_flight": 2,
    "learned_concurrency": None,
    "concurrency": 4,
    "rate_now": 3,
    "rpm": 60,
    "detail": None,
}


def fill(server: ScriptedServer, **more: Any) -> None:
    """Script what the view reads."""
    server.respond("GET /v1/jobs", {"data": [a_job(1, status="failed"), a_job(2)]})
    server.respond("GET /v1/channels", {"data": [CHANNEL]})
    server.respond("GET /v1/workers", more.get("workers", {"data": []}), status=more.get("status", 200))
    server.respond("GET /v1/errors", {"data": []})


async def until(pilot: Any, true: Callable[[], object]) -> None:
    """Let the view work until something holds."""
    for _ in range(400):
        await pilot.pause(0.01)
        if true():
            return
    raise AssertionError("it did not come true in time")


async def test_a_person_looks_and_acts(server: ScriptedServer) -> None:
    fill(server)
    server.respond("POST /v1/jobs/" + a_job(1)["id"] + "/retry", a_job(1))
    server.respond("POST /v1/channels/relay/pause", {})
    with Darkroom() as client:
        screen = TopScreen(client, interval=60)
        async with screen.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: screen._table("jobs").row_count == 2)
            await pilot.press("R")
            await until(pilot, lambda: isinstance(screen.screen, Question))
            await pilot.press("n")
            await until(pilot, lambda: not isinstance(screen.screen, Question))
            assert [each for each in server.requests if each.method == "POST"] == [], "it was left"
            await pilot.press("R")
            await until(pilot, lambda: isinstance(screen.screen, Question))
            await pilot.press("y")
            await until(pilot, lambda: any(each.method == "POST" for each in server.requests))
            await pilot.press("c")
            await until(pilot, lambda: screen.query_one("#tabs").active == "channels")  # type: ignore[attr-defined]
            await pilot.press("P")
            await until(pilot, lambda: isinstance(screen.screen, Question))
            await pilot.press("y")
            await until(
                pilot,
                lambda: (
                    server.requests
                    and server.requests[-1].path != ""
                    and len([each for each in server.requests if each.method == "POST"]) == 2
                ),
            )
            await pilot.press("j", "f")
            await until(pilot, lambda: any(each.query.get("status") == "queued" for each in server.requests))
    sent = [each.path for each in server.requests if each.method == "POST"]
    assert sent == [f"/v1/jobs/{a_job(1)['id']}/retry", "/v1/channels/relay/pause"]


async def test_what_a_key_may_not_see_is_noted_and_the_rest_is_shown(server: ScriptedServer) -> None:
    fill(server, workers={"detail": "This needs a key with the role viewer."}, status=403)
    with Darkroom() as client:
        screen = TopScreen(client, interval=60)
        async with screen.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "workers" in str(screen.query_one("#state").render()))
            assert screen._table("jobs").row_count == 2
    await asyncio.sleep(0)
