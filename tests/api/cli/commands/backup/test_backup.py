"""``darkroom backup``, ``restore`` and ``fsck``: an installation with jobs, copied, lost and brought back."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from migrations import synchronous
from models.ids import public_id
from models.settings import Settings
from models.tables import metadata
from tests.support.darkroom import open_darkroom
from tests.support.postgres import PostgresAddress, client_programs

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


async def make_jobs(url: str, folder: Path) -> str:
    """Make one job with its picture and archived answer, and one that waits; return the former's id."""
    async with open_darkroom(url, folder, practice={}) as darkroom:
        caller, worker = await darkroom.caller(), await darkroom.worker()
        done = await darkroom.submit(caller, "a cat 猫")
        await worker.run_round()
        await worker.deliver()
        await worker.context.archiver.drain()
        await darkroom.submit(caller, "a dog")
        assert (await darkroom.job(done)).status == "succeeded"
        return public_id("job", done)


@contextmanager
def empty_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/restored.db"
        return
    server: PostgresAddress = request.getfixturevalue("postgres")
    name = f"restored_{os.getpid()}"
    server.execute(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def contents(url: str) -> dict[str, list[Any]]:
    engine = create_engine(synchronous(Settings(database_url=url).sqlalchemy_url))
    try:
        with engine.connect() as connection:
            return {
                table.name: sorted(map(str, connection.execute(table.select()).all()))
                for table in metadata.sorted_tables
                if table.name not in ("channels", "workers", "audit")  # a restore changes and notes them
            }
    finally:
        engine.dispose()


def printed(capsys: Printed) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    value: dict[str, Any] = json.loads(line)
    return value


@pytest.fixture
def installation(
    plain_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> str:
    """An installation with jobs, in the environment's settings; returns its database."""
    asyncio.run(make_jobs(plain_database_url, folder))
    monkeypatch.setenv("DARKROOM_DATABASE_URL", plain_database_url)
    monkeypatch.setenv("DARKROOM_STORAGE_URL", (folder / "pictures").as_uri())
    monkeypatch.setenv("PATH", f"{client_programs()}:{os.environ['PATH']}")
    capsys.readouterr()
    return plain_database_url


def test_an_installation_is_backed_up_twice_and_restored_elsewhere_with_its_channels_paused(
    installation: str,
    darkroom: Darkroom,
    folder: Path,
    capsys: Printed,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    assert darkroom("backup", "copy") == 0
    first = printed(capsys)
    assert first["copied"] == first["files"] >= 2
    assert darkroom("backup", "copy") == 0
    assert printed(capsys)["copied"] == 0
    assert darkroom("restore", "copy") == 1
    assert "has tables; restore into an empty one" in capsys.readouterr().err

    before = contents(installation)
    assert before["assets"]
    with empty_database(installation.partition(":")[0], folder, request) as url:
        monkeypatch.setenv("DARKROOM_DATABASE_URL", url)
        monkeypatch.setenv("DARKROOM_STORAGE_URL", (folder / "other").as_uri())
        assert darkroom("restore", "copy") == 0
        restored = printed(capsys)
        assert (restored["files"], restored["lost"], restored["paused"]) == (first["files"], [], ["upstream"])
        assert contents(url) == before
        engine = create_engine(synchronous(Settings(database_url=url).sqlalchemy_url))
        with engine.connect() as connection:
            (reason,) = connection.execute(text("SELECT paused_reason FROM channels")).scalars()
        engine.dispose()
        assert "restored from a backup" in reason
        assert darkroom("fsck", "--content") == 0
        assert (printed(capsys)["assets"], darkroom("fsck")) == (1, 0)


def test_fsck_finds_and_repairs_what_database_and_storage_disagree_about(
    installation: str, darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    pictures = folder / "pictures"
    (picture,) = pictures.glob("??/??/*.png")
    (answers,) = pictures.glob("answers/**/*.gz")
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-1] + b"x")
    answers.unlink()
    assert darkroom("fsck") == 1
    found = printed(capsys)
    assert (found["missing"], found["damaged"], len(found["lost_answers"])) == ([], [], 1)
    assert darkroom("fsck", "--content", "--repair") == 1
    found = printed(capsys)
    assert (found["damaged"], found["forgotten"]) == ([str(picture.relative_to(pictures))], 1)
    assert not picture.exists()
    picture.write_bytes(whole[:-5])
    assert darkroom("fsck") == 1
    assert len(printed(capsys)["missing"]) == 1
    picture.write_bytes(whole)
    assert darkroom("fsck", "--content") == 0
    assert installation


@pytest.mark.usefixtures("migrated")
def test_folders_that_hold_no_backup_or_another_one_are_refused_in_words(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    (folder / "full").mkdir()
    (folder / "full" / "letter").write_text("dear")
    assert darkroom("backup", "full") == 2
    assert "not empty, and holds no backup" in capsys.readouterr().err
    assert darkroom("restore", "full", "--data", "elsewhere") == 2
    assert "has no manifest.json" in capsys.readouterr().err
    assert darkroom("backup", "copy", "--database-only") == 0
    manifest = folder / "copy" / "manifest.json"
    written = manifest.read_text()
    for changed, words in (
        (written.replace('"sqlite"', '"postgresql"'), "The backup is of postgresql"),
        (written.replace('"revision": "', '"revision": "9'), "install Darkroom"),
        (written.replace('"database_sha256": "', '"database_sha256": "0'), "missing or damaged"),
        (written.replace('"format": 1', '"format": 2'), "does not know"),
        (written.replace('"files"', '"other"'), "lacks members"),
        ("{", "can't be read"),
    ):
        manifest.write_text(changed)
        assert darkroom("restore", "copy", "--data", "elsewhere") in (1, 2)
        assert words in capsys.readouterr().err
    assert not (folder / "elsewhere").exists() or not list((folder / "elsewhere").glob("*.db"))
