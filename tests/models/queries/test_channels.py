import asyncio
from datetime import UTC, datetime

from models.channels import ChannelSettings
from models.database import Database
from models.queries.channels import change_channel, list_channels, pause, resume, resume_model, sync_channels

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def channel(name: str, **values: object) -> ChannelSettings:
    given = {"name": name, "base_url": "https://api.example.com", "api_key": "k", "models": "m", **values}
    return ChannelSettings.model_validate(given)


async def sync(database: Database, *wanted: ChannelSettings) -> None:
    async with database.writing() as connection:
        await sync_channels(connection, wanted, NOW)


async def test_workers_that_start_at_once_make_one_row_a_channel(database: Database) -> None:
    await asyncio.gather(*(sync(database, channel("a"), channel("b")) for _ in range(6)))
    async with database.reading() as connection:
        assert [row.name for row in await list_channels(connection)] == ["a", "b"]


async def test_a_channel_that_the_settings_no_longer_name_is_kept_but_not_used(database: Database) -> None:
    await sync(database, channel("a"), channel("b", rpm=5))
    await sync(database, channel("b", rpm=7))
    async with database.reading() as connection:
        first, second = await list_channels(connection)
    assert (first.configured, second.configured, second.rpm) == (False, True, 7)


async def test_a_pause_outlives_a_restart_until_it_is_resumed(database: Database) -> None:
    await sync(database, channel("a"))
    async with database.writing() as connection:
        assert await pause(connection, "a", "too dear", NOW)
        assert not await pause(connection, "nobody", "", NOW)
    await sync(database, channel("a"))
    async with database.writing() as connection:
        assert (await list_channels(connection))[0].paused_reason == "too dear"
        assert await resume(connection, "a", NOW)
        assert (await list_channels(connection))[0].paused_at is None


async def test_a_resume_ends_the_cool_downs_of_models_and_forgetting_clears_what_limits_counted(
    database: Database,
) -> None:
    await sync(database, channel("a"))
    state = {"rate": {"rate": 7.0}, "cooldown_until": "2026-01-02T00:00:00Z", "cooldown_reason": "429"}
    counted = {"m/rpm": "2027-01-01T00:00:00+00:00", "rpd": ["2027-01-01", 9]}
    changes = {"learned_models": {"m": state, "n": state}, "pace": counted, "next_start_at": NOW}
    async with database.writing() as connection:
        await change_channel(connection, (await list_channels(connection))[0].id, changes)
        assert await resume_model(connection, "a", "m", NOW)
        [row] = await list_channels(connection)
        assert (row.learned_models["m"]["cooldown_until"], row.learned_models["m"]["rate"]) == (
            None,
            {"rate": 7.0},
        )
        assert row.learned_models["n"] == state
        assert await resume_model(connection, "a", "m", NOW, forget=True)
        [row] = await list_channels(connection)
        assert (row.learned_models, row.pace) == ({"n": state}, {"rpd": ["2027-01-01", 9]})
        assert await resume(connection, "a", NOW)
        [row] = await list_channels(connection)
        assert (row.learned_models["n"]["cooldown_until"], row.pace) == (None, {"rpd": ["2027-01-01", 9]})
        assert await resume(connection, "a", NOW, forget=True)
        [row] = await list_channels(connection)
        assert (row.learned_models, row.pace, row.next_start_at) == ({}, {}, None)
        assert not await resume(connection, "nobody", NOW)
