import asyncio
from datetime import UTC, datetime

from models.channels import ChannelSettings
from models.database import Database
from models.queries.channels import (
    change_channel,
    delete_channel,
    list_channels,
    mark_configured,
    pause,
    resume,
    resume_model,
    sync_channels,
)

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


async def test_the_settings_of_the_worker_that_starts_last_are_in_force_for_its_channels_alone(
    database: Database,
) -> None:
    await sync(database, channel("a", rpm=1), channel("b", rpm=5))
    await sync(database, channel("b", rpm=7))
    async with database.reading() as connection:
        rows = await list_channels(connection)
    assert [(row.name, row.rpm, row.configured) for row in rows] == [("a", 1, True), ("b", 7, True)]


async def test_the_number_of_images_of_a_call_is_written_with_the_settings(database: Database) -> None:
    for counts in ({"a": 1}, {}):
        async with database.writing() as connection:
            await sync_channels(connection, [channel("a"), channel("b")], NOW, images_per_call=counts)
        async with database.reading() as connection:
            rows = await list_channels(connection)
        assert {row.name: row.images_per_call for row in rows} == {"a": None, "b": None, **counts}


async def test_a_disabled_channel_gets_a_row_but_changes_none(database: Database) -> None:
    await sync(database, channel("a", rpm=1))
    await sync(database, channel("a", rpm=2, enabled=False), channel("b", enabled=False))
    async with database.reading() as connection:
        rows = await list_channels(connection)
    assert [(row.name, row.rpm, row.configured) for row in rows] == [("a", 1, True), ("b", None, False)]


async def test_channels_that_a_live_worker_knows_are_configured_and_no_others(database: Database) -> None:
    await sync(database, channel("a"), channel("b"), channel("c", enabled=False))
    async with database.writing() as connection:
        await mark_configured(connection, {"b", "c"})
    async with database.reading() as connection:
        rows = await list_channels(connection)
    assert [(row.name, row.configured) for row in rows] == [("a", False), ("b", True), ("c", True)]


async def test_a_deleted_channel_leaves_no_row(database: Database) -> None:
    await sync(database, channel("a"))
    async with database.writing() as connection:
        assert await delete_channel(connection, "a")
        assert not await delete_channel(connection, "a")
        assert await list_channels(connection) == []


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
