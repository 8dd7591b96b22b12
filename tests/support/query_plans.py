"""Query plans of the statements that a piece of code sends."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg.sql import Literal
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database

_BIG = r"(jobs|attempts|assets|events|webhook_deliveries)"
_PARTIAL = (
    "ix_jobs_line",
    "ix_jobs_campaign_line",
    "ix_jobs_in_hand",
    "ix_jobs_unstored",
    "ix_webhook_deliveries_due",
    "ix_webhook_deliveries_task_id",
)  # they hold few rows, or are walked by jumps
_FEW = 100  # rows that may be sorted although fewer are wanted
_PLANNING = 10  # what the server adds to the cost of a plan for these values only
Run = Callable[[AsyncConnection], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of one statement: its indexes, and the scans that grow with the tables."""

    statement: str
    text: str
    indexes: frozenset[str]
    faults: tuple[str, ...]


async def plans_of(database: Database, run: Run) -> list[Plan]:
    """Run a piece of code in a transaction, and plan again each statement that it sent."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        sent.append((statement, parameters))

    engine = database.engine.sync_engine
    async with database.writing() as connection:
        await without_batches(connection)
        event.listen(engine, "before_cursor_execute", note)
        try:
            await run(connection)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        explain = _sqlite_plan if database.is_sqlite else _postgres_plan
        return [await explain(connection, *each) for each in sent if re.search(rf"\b{_BIG}\b", each[0])]


async def without_batches(connection: AsyncConnection) -> None:
    """Let a connection be as one behind a pooler: SQLAlchemy executes each statement."""
    if connection.dialect.name == "postgresql":
        driver: Any = (await connection.get_raw_connection()).driver_connection
        driver.prepare_threshold = None


async def _sqlite_plan(connection: AsyncConnection, statement: str, parameters: Any) -> Plan:
    rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
    lines = [str(row[-1]) for row in rows]
    scans = [line for line in lines if line.startswith("SCAN ") and _is_big(line, statement)]
    scans = [line for line in scans if not any(f"INDEX {name}" in line for name in _PARTIAL)]
    sorts = [line for line in lines if re.match("USE TEMP B-TREE FOR (?!DISTINCT|GROUP BY)", line)]
    indexes = frozenset(re.findall(r"INDEX (\w+)", "\n".join(lines)))
    return Plan(statement, "\n".join(lines), indexes, (*scans, *sorts))


def _is_big(line: str, statement: str) -> bool:
    """Return whether a scan is of a table that grows; the plan names it by its alias."""
    name = line.split()[1]
    return (
        re.search(rf"\b{_BIG} AS \"?{name}\b", statement) is not None or re.fullmatch(_BIG, name) is not None
    )


async def _postgres_plan(connection: AsyncConnection, statement: str, parameters: Any) -> Plan:
    """Plan as the server does for a prepared statement: for these values, or for any if that is no dearer."""
    names = list(parameters)
    generic = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement)
    values = ", ".join(Literal(value).as_string() for value in parameters.values()).replace("%", "%%")
    await connection.exec_driver_sql(f"PREPARE planned AS {generic}")
    explain = f"EXPLAIN (FORMAT JSON) EXECUTE planned{f'({values})' if values else ''}"
    found = []
    for mode in ("force_custom_plan", "force_generic_plan"):
        await connection.exec_driver_sql(f"SET LOCAL plan_cache_mode = {mode}")
        found.append((await connection.exec_driver_sql(explain)).scalar_one()[0]["Plan"])
    await connection.exec_driver_sql("DEALLOCATE planned")
    own, common = found
    return _read_postgres(statement, [own] if common["Total Cost"] > own["Total Cost"] + _PLANNING else found)


def _read_postgres(statement: str, found: list[dict[str, Any]]) -> Plan:
    nodes = [node for plan in found for node in _nodes(plan)]
    scans = [
        f"{node['Node Type']} of all {node['Relation Name']}"
        for node, limited in nodes
        if re.fullmatch(_BIG, node.get("Relation Name", "")) and _reads_all(node, limited)
    ]
    sorts = [
        f"Sort under a Limit by {node['Sort Key']}" for node, limited in nodes if limited and _sorts(node)
    ]
    indexes = frozenset(node["Index Name"] for node, _ in nodes if "Index Name" in node)
    return Plan(statement, json.dumps(found, indent=1), indexes, (*scans, *sorts))


def _reads_all(node: dict[str, Any], limited: bool) -> bool:
    if node["Node Type"] == "Seq Scan":
        return True
    walks = node.get("Index Name", _PARTIAL[0]) not in _PARTIAL and "Index Cond" not in node
    return walks and (not limited or "Filter" in node)


def _sorts(node: dict[str, Any]) -> bool:
    return node["Node Type"] in ("Sort", "Incremental Sort") and node["Plan Rows"] > _FEW


def _nodes(node: dict[str, Any], limited: bool = False) -> Iterator[tuple[dict[str, Any], bool]]:
    """Walk the nodes; each with whether a Limit above it throws most of its rows away."""
    yield node, limited
    for child in node.get("Plans", ()):
        yield from _nodes(child, limited or node["Node Type"] == "Limit")
