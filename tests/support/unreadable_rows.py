"""Rows that no version of Darkroom writes: a hand, a newer version or a broken disk may."""

import json
from collections.abc import Mapping
from uuid import UUID

from hypothesis import strategies as st
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


def _request(members: str) -> tuple[str, str, str]:
    return "request", f"'{members}'", f"'{members}'::jsonb"


MALFORMED: Mapping[str, tuple[str, str, str]] = {
    "a request whose images are a number": _request('{"images": 7}'),
    "a request whose images are no texts": _request('{"images": [{"url": "a"}]}'),
    "a request whose turns are texts": _request('{"turns": ["a"]}'),
    "a request whose turns have no parts": _request('{"turns": [{"role": "user"}]}'),
    "a request whose turns name an image that it has not": _request(
        '{"images": [], "turns": [{"role": "user", "parts": [{"image": 3}]}]}'
    ),
    "a request whose mask it has not": _request('{"images": ["https://a.example/1.png"], "mask": 5}'),
    "a request whose n is a text": _request('{"n": "two"}'),
    "a request whose size is a number": _request('{"size": 1024}'),
    "a request whose params are a list": _request('{"params": [1]}'),
    "a request that prepares images that it has not": _request('{"images": [], "prepare": {"cut": true}}'),
}
"""Requests whose members have another type: they are shown, and no call can be made of them."""

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
EVERY_KIND = {**UNREADABLE, **MALFORMED, **ODD, **UNWRITABLE, **UNKNOWN}


_ANY_JSON = {
    "a list": ("'[1, 2]'", "'[1, 2]'::jsonb"),
    "a text": ("'\"text\"'", "'\"text\"'::jsonb"),
    "null": ("'null'", "'null'::jsonb"),
    "an object": ("'{\"a\": [{}]}'", "'{\"a\": [{}]}'::jsonb"),
    "no JSON, or a number beyond floats": ("'{'", "'{\"n\": 1e400}'::jsonb"),
}
UNREADABLE_TASKS: Mapping[str, tuple[str, str, str]] = {
    **{
        f"{column} that is {what}": (column, *values)
        for column in ("request", "properties", "pictures", "modal")
        for what, values in _ANY_JSON.items()
    },
    **{
        f"{column} beyond the calendar": (column, "'99999-12-31 23:59:59.000000'", "'infinity'::timestamptz")
        for column in ("submitted_at", "started_at", "finished_at", "claimed_until")
    },
    **{
        f"an unknown {column}": (column, "'strange'", "'strange'")
        for column in ("action", "bot", "mode", "notify_hook")
    },
    "a progress that was reported beyond the end": ("told", "32767", "32767"),
}
"""Values of a Midjourney task that no version writes, by what is wrong with them."""


async def spoil(database: Database, table: str, key: UUID | int, kind: tuple[str, str, str]) -> None:
    """Write such a value into a row."""
    column, sqlite, postgresql = kind
    value = (sqlite if database.is_sqlite else postgresql).replace(":", r"\:")
    given: object = key
    if isinstance(key, UUID):
        given = key.hex if database.is_sqlite else str(key)
    async with database.writing() as connection:
        changed = await connection.execute(
            text(f"UPDATE {table} SET {column} = {value} WHERE id = :id"), {"id": given}
        )
    assert changed.rowcount == 1


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_KEYS = st.sampled_from(["n", "images", "size", "wants", "code", "class", "message", "x"])
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé/{}[]\"'0", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=6,
).map(lambda value: _quoted(json.dumps(value)))
_NO_JSON = st.sampled_from(["'{'", "''", "'[1,'", "x'00ff'", "'NaN'"])
_TEXTS = st.text("ab\x01\x7f\u202e…🎨'", max_size=12).map(_quoted)
_TIMES = st.sampled_from(
    ["'infinity'", "'-infinity'", "'4713-01-01 BC'", "'294276-12-31'", "'9999-12-31 23:59:59Z'"]
)
_NUMBERS = st.integers(-(2**15), 2**15 - 1).map(str)
_NO_NUMBERS = st.just(str(2**63 - 1)) | _TEXTS  # SQLite stores any type in any column
#: columns of ``jobs`` by their type, with the SQL expressions for SQLite and for PostgreSQL
_OF_TYPE = (
    (("request", "tags", "metadata", "retry", "error", "answer"), _JSON | _NO_JSON, _JSON),
    (("created_at", "not_before", "expires_at", "started_at", "finished_at"), _TIMES, _TIMES),
    (("model", "status", "surface", "campaign", "prompt", "on_unknown", "text"), _TEXTS | _NO_JSON, _TEXTS),
    (("priority", "max_attempts", "progress", "generation"), _NUMBERS | _NO_NUMBERS, _NUMBERS),
)
any_change: st.SearchStrategy[tuple[str, str, str]] = st.one_of(
    st.tuples(st.sampled_from(columns), sqlite, postgresql) for columns, sqlite, postgresql in _OF_TYPE
)
"""A column, and any value that a database takes for it, as in the tables above."""
