"""Conversion of events and attempts to monthly partitions, in short steps beside a running installation."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from models.errors import DatabaseAway
from models.queries.operations import partition_conversion as conversion
from models.queries.operations.partitions import TABLES, add_months

_TRIES, _PAUSE = 60, 1.0  # seconds between two
_LOCK_NOT_AVAILABLE = "55P03"  # SQLSTATE


async def partition(database: Database, at: datetime) -> list[str]:
    """Convert the tables that have no partitions; add the months that the others lack. Return both, by name.

    Raises ``DatabaseAway`` if a lock can't be had for a minute, and the database's error, such as for a role
    that does not own the tables.
    """
    done: list[str] = []
    for table in TABLES:
        async with database.reading() as connection:
            converted = await conversion.is_partitioned(connection, table)
        if not converted:
            await _convert(database, table, at)
            done.append(table.name)
        else:
            async with database.writing() as connection:
                done += await add_months(connection, table, at)
    return done


async def abandon_conversion(database: Database, at: datetime) -> None:
    """Take back a conversion that a killed command has left, before its constraint would refuse new jobs."""
    for table in TABLES:
        async with database.reading() as connection:
            left_over = await conversion.is_left_over(connection, table, at)
        if left_over:
            async with database.writing() as connection:
                await conversion.abandon(connection, table)


async def _convert(database: Database, table: Table, at: datetime) -> None:
    end = conversion.history_end(at)
    await _with_lock(database, lambda connection: conversion.begin(connection, table, end))
    try:
        async with database.writing() as connection:
            await conversion.validate(connection, table)
        await _with_lock(database, lambda connection: conversion.exchange(connection, table, end, at))
    except BaseException:
        await _with_lock(database, lambda connection: conversion.abandon(connection, table))
        raise
    async with database.writing() as connection:
        await conversion.analyze(connection, table)


async def _with_lock(database: Database, act: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    """Run a transaction again, after a pause, if it did not get its lock in time."""
    for left in reversed(range(_TRIES)):
        try:
            async with database.writing() as connection:
                await act(connection)
        except DatabaseAway as error:
            cause = error.__cause__
            state = getattr(cause.orig, "sqlstate", None) if isinstance(cause, DBAPIError) else None
            if not left or state != _LOCK_NOT_AVAILABLE:
                raise
            await asyncio.sleep(_PAUSE)
        else:
            return
