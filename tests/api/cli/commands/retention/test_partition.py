"""``darkroom partition``, on a database of each kind."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.support.databases import PostgresCopies

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def url(postgres_copies: PostgresCopies, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A PostgreSQL database, in the environment's settings."""
    with postgres_copies.fresh() as address:
        monkeypatch.setenv("DARKROOM_DATABASE_URL", address)
        yield address


@pytest.mark.usefixtures("url")
def test_it_makes_partitions_once_and_lists_them(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("partition", "--check") == 1
    assert json.loads(capsys.readouterr().out) == {"table": None}
    assert darkroom("partition") == 0
    made = capsys.readouterr().out
    assert darkroom("partition") == 0
    assert darkroom("partition", "--check") == 0
    assert capsys.readouterr().out == made * 2
    first, *_, last = map(json.loads, made.splitlines())
    assert (first["table"], first["from"][8:10], last["partition"]) == ("events", "01", "attempts_default")


@pytest.mark.usefixtures("migrated")
def test_sqlite_has_none(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("partition") == 2
    assert "SQLite has no partitions; set DARKROOM_DATABASE_URL" in capsys.readouterr().err
