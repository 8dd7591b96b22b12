"""A channel is configured while any live worker knows it; where workers disagree, it is said."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import insert

from models.channels import ChannelSettings
from models.ids import new_id
from models.queries.channels import list_channels, sync_channels
from models.queries.workers import Registration, list_registrations
from models.tables import workers
from tests.support.darkroom import Darkroom, open_darkroom
from worker.maintenance.channel_registration import (
    disagreements,
    fingerprints_of,
    known_channels,
    log_disagreements,
    missing_channels,
    refresh_configured,
)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


def channel(name: str, **values: Any) -> ChannelSettings:
    given = {
        "name": name,
        "base_url": "https://api.example.com",
        "api_key": "sk-0",
        "models": "m",
        **values,
    }
    return ChannelSettings.model_validate({**given, **values})


async def start(darkroom: Darkroom, name: str, *channels: ChannelSettings, old: bool = False) -> None:
    """Write the row of a worker that starts, and its channels."""
    darkroom.clock.forward(seconds=1)
    at = darkroom.clock()
    known: Mapping[str, Any] = {} if old else {"channels": fingerprints_of(channels)}
    row = {"id": new_id(), "name": name, "version": "1", "slots": 1, "started_at": at, "heartbeat_at": at}
    async with darkroom.services.database.writing() as connection:
        await connection.execute(insert(workers).values(**row, **known))
        await sync_channels(connection, channels, at)


async def configured(darkroom: Darkroom) -> list[str]:
    """Refresh what counts as configured, and return it."""
    since = darkroom.clock() - timedelta(seconds=60)
    async with darkroom.services.database.writing() as connection:
        await refresh_configured(connection, since)
        return [row.name for row in await list_channels(connection) if row.configured]


async def test_a_worker_that_does_not_know_a_channel_leaves_it_to_those_that_do(darkroom: Darkroom) -> None:
    await start(darkroom, "one", channel("a"), channel("b"))
    await start(darkroom, "two", channel("a"))
    await start(darkroom, "three", channel("b", enabled=False))
    assert await configured(darkroom) == ["a", "b"]


async def test_a_channel_is_not_configured_once_no_live_worker_knows_it(darkroom: Darkroom) -> None:
    await start(darkroom, "one", channel("a"))
    darkroom.clock.forward(seconds=61)
    await start(darkroom, "two", channel("b"))
    assert await configured(darkroom) == ["b"]
    await start(darkroom, "three", channel("a"))
    assert await configured(darkroom) == ["a", "b"]


async def test_beside_a_worker_of_an_earlier_version_no_channel_is_given_up(darkroom: Darkroom) -> None:
    await start(darkroom, "old", channel("a"), old=True)
    await start(darkroom, "new", channel("b"))
    assert await configured(darkroom) == ["a", "b", "upstream"]


async def test_the_newest_worker_logs_who_disagrees_and_which_value_is_in_force(darkroom: Darkroom) -> None:
    await start(darkroom, "one", channel("a", rpm=5, api_key="sk-1"), channel("b"))
    await start(darkroom, "two", channel("a", rpm=7, api_key="sk-2"))
    with structlog.testing.capture_logs() as logs:
        await log_disagreements(darkroom.services.database, darkroom.clock() - timedelta(seconds=60))
    told = [log["event"] for log in logs]
    in_force = "two, which started last, has rpm 7.0 (this one is in force); one has 5.0"
    assert f"workers disagree: channel a: {in_force}" in told
    assert "workers disagree: channel b is not in the settings of two" in told
    (key,) = [words for words in told if " key " in words]
    assert "each calls with its own" in key
    assert "secret" not in "".join(told)


async def test_workers_that_agree_are_not_named(darkroom: Darkroom) -> None:
    await start(darkroom, "one", channel("a", rpm=5, limits={"m": {"ipm": 3}}))
    await start(darkroom, "two", channel("a", rpm=5, limits={"m": {"ipm": 3}}))
    await start(darkroom, "old", old=True)
    async with darkroom.services.database.reading() as connection:
        found = await list_registrations(connection, darkroom.clock() - timedelta(seconds=60))
    assert (disagreements(found), missing_channels(found)) == ([], [])


def test_what_workers_know_is_unknown_if_one_does_not_say(darkroom: Darkroom) -> None:
    at = darkroom.clock()
    one, old = Registration(new_id(), "one", at, {"a": {}}), Registration(new_id(), "old", at, None)
    assert known_channels([one]) == {"a"}
    assert known_channels([one, old]) is None
