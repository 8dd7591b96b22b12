"""Processes of the version before go on beside the new ones while a fleet is upgraded."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

import migrations
from migrations import synchronous, upgrade
from tests.support.databases import sqlalchemy_url

Columns = Mapping[tuple[str, str], Mapping[str, Any]]
_SCRIPTS = ScriptDirectory(str(Path(migrations.__file__).parent))
REVISIONS = [script.revision for script in _SCRIPTS.walk_revisions()][::-1]


def columns_of(url: str) -> Columns:
    """Return all columns by table and name."""
    engine = create_engine(synchronous(url))
    try:
        seen = inspect(engine)
        tables = set(seen.get_table_names()) - {"alembic_version"}
        return {(name, each["name"]): dict(each) for name in tables for each in seen.get_columns(name)}
    finally:
        engine.dispose()


@pytest.mark.parametrize(("before", "after"), [*pairwise(REVISIONS)])
def test_what_the_version_before_reads_and_writes_still_fits(before: str, after: str, tmp_path: Path) -> None:
    url = sqlalchemy_url(f"sqlite:///{tmp_path}/rolling.db")
    upgrade(url, before)
    old = columns_of(url)
    upgrade(url, after)
    new = columns_of(url)

    assert old.keys() <= new.keys(), "it still reads and writes these"
    assert {key for key in old if new[key]["nullable"] < old[key]["nullable"]} == set(), (
        "it may leave these out"
    )
    assert {key for key in old if str(new[key]["type"]) != str(old[key]["type"])} == set()
    tables = {table for table, _ in old}
    required = {
        key
        for key, column in new.items()
        if key not in old and key[0] in tables and not column["nullable"] and column["default"] is None
    }
    assert required == set(), "it knows nothing of these, and can't fill them"
