"""Rows that no version of Darkroom writes: a hand, a newer version or a broken disk may."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from models.database import Database

# column: SQL expressions by dialect
UNREADABLE: Mapping[str, tuple[str, str, str]] = {
    "a deadline beyond the calendar": (
        "expires_at",
        "'99999-12-31 23:59:59.000000'",
        "'infinity'::timestamptz",
    ),
    "a creation before the calendar": (
        "created_at",
        "'-4712-01-01 00:00:00.000000'",
        "'-infinity'::timestamptz",
    ),
    "a start before the calendar": (
        "not_before",
        "'0000-00-00 00:00:00.000000'",
        "'4000-01-01 BC'::timestamptz",
    ),
    "a request that is no JSON, or has a number beyond floats": (
        "request",
        "'{\"n\":'",
        "'{\"n\": 1e400}'::jsonb",
    ),
    "a request that is a list": ("request", "'[1, 2]'", "'[1, 2]'::jsonb"),
    "a request that is a text": ("request", "'\"text\"'", "'\"text\"'::jsonb"),
    "a request that is null": ("request", "'null'", "'null'::jsonb"),
    "a start time beyond the calendar": ("started_at", "'soon'", "'infinity'::timestamptz"),
    "an unknown policy": ("on_unknown", "'perhaps'", "'perhaps'"),
}
"""Values with which a job can't be run, by what is wrong with them."""

ODD: Mapping[str, tuple[str, str, str]] = {
    "tags that are no list": ("tags", "'{\"a\": 1}'", "'{\"a\": 1}'::jsonb"),
    "tags that are no JSON, or a number": ("tags", "'[\"a'", "'1e400'::jsonb"),
    "metadata that is a number": ("metadata", "'7'", "'7'::jsonb"),
    "metadata with an escaped NUL, or a number beyond 64 bits": (
        "metadata",
        '\'{"a": "\\u0000"}\'',
        "'{\"a\": 99999999999999999999999999}'::jsonb",
    ),
    "retry rules that are a list": ("retry", "'[]'", "'[]'::jsonb"),
    "an error that is a text": ("error", "'\"no\"'", "'\"no\"'::jsonb"),
    "an error that is no JSON, or has a number beyond floats": ("error", "'{'", "'{\"code\": 1e999}'::jsonb"),
    "a text with a control character": ("prompt", "'a' || char(0) || 'b'", "E'a\\x01b'"),
    "a campaign of another type": ("campaign", "x'00ff'", "E'\\x7f'"),
    "a huge priority": ("priority", "9223372036854775807", "32767"),
}
"""Values with which a job runs, and may not be shown as it is."""

UNWRITABLE: Mapping[str, tuple[str, str, str]] = {
    "the last revision": ("revision", "9223372036854775807", "2147483647"),
}
"""Values after which no transition can be written on PostgreSQL."""

UNKNOWN: Mapping[str, tuple[str, str, str]] = {"an unknown status": ("status", "'strange'", "'strange'")}
EVERY_KIND = {**UNREADABLE, **ODD, **UNWRITABLE, **UNKNOWN}


async def spoil(database: Database, table: str, key: UUID, kind: tuple[str, str, str]) -> None:
    """Write such a value into a row."""
    column, sqlite, postgresql = kind
    value = (sqlite if database.is_sqlite else postgresql).replace(":", r"\:")
    given = key.hex if database.is_sqlite else str(key)
    async with database.writing() as connection:
        changed = await connection.execute(
            text(f"UPDATE {table} SET {column} = {value} WHERE id = :id"), {"id": given}
        )
    assert changed.rowcount == 1
