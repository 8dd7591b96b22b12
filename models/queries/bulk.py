"""Bulk parameter: many rows as one JSON value, for set-based statements that are compiled once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from sqlalchemy import Column, ColumnElement, FromClause, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from models.driver.statement_batch import StatementBatch

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def rows_source(dialect: str, columns: Sequence[Column[Any]], name: str = "given") -> FromClause:
    """Return a FROM clause whose columns are read from the JSON array in the parameter ``rows``.

    The same statement works on SQLite and PostgreSQL.
    """
    if dialect == "postgresql":
        array: ColumnElement[Any] = cast(bindparam("rows", type_=Text), JSONB)
        typed = [column(each.name, each.type) for each in columns]
        return func.jsonb_to_recordset(array).table_valued(*typed).render_derived(name=name, with_types=True)
    items = func.json_each(bindparam("rows", type_=Text)).table_valued("value", name="item")
    fields = [func.json_extract(items.c.value, f"$.{each.name}", type_=each.type) for each in columns]
    return select(*(field.label(each.name) for field, each in zip(fields, columns, strict=True))).subquery(
        name
    )


def row_of(value: "DataclassInstance") -> dict[str, Any]:
    """Return a dataclass as a row for ``rows_parameter``; its values are not copied, unlike ``asdict``."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def rows_parameter(
    connection: AsyncConnection | StatementBatch, rows: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    """Serialize rows for ``rows_source``, in the format in which the database stores each value."""
    if connection.dialect.name == "sqlite":
        rows = [{name: _for_sqlite(value) for name, value in row.items()} for row in rows]
    rows = list(rows)
    try:
        text = orjson.dumps(rows)
    except TypeError:  # a lone surrogate, or a value that is no JSON
        text = orjson.dumps(_storable(rows))
    # a text that no database accepts must not prevent the write
    return {"rows": (orjson.dumps(_storable(rows)) if b"\\u0000" in text else text).decode()}


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {_storable(name): _storable(each) for name, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list | tuple) else value


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value


def storable(text: str) -> str:
    """Remove what no database stores as text: NUL characters and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
