"""``darkroom keys``, against the database of the current folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def lines(capsys: Printed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("migrated")
def test_a_new_key_is_shown_once_and_never_listed(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("keys", "create", "alice") == 0
    [made] = lines(capsys)
    assert made["key"].startswith("dk_")
    assert len(made["key"]) >= 35
    assert darkroom("keys", "list") == 0
    [listed] = lines(capsys)
    assert (listed["id"], listed["name"], listed["revoked_at"]) == (made["id"], "alice", None)
    assert made["key"] not in json.dumps(listed)


@pytest.mark.usefixtures("migrated")
def test_a_key_is_revoked_by_name_or_id_once(darkroom: Darkroom, capsys: Printed) -> None:
    for name in ("alice", "bob"):
        assert darkroom("keys", "create", name) == 0
    bob = lines(capsys)[1]["id"]
    assert darkroom("keys", "revoke", "alice") == 0
    assert darkroom("keys", "revoke", bob) == 0
    assert darkroom("keys", "revoke", bob) == 4
    assert "darkroom keys list" in capsys.readouterr().err
    assert darkroom("keys", "list") == 0
    assert all(listed["revoked_at"] for listed in lines(capsys))


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize("name", ["", " ", "x" * 101])
def test_a_key_needs_a_sensible_name(darkroom: Darkroom, name: str) -> None:
    assert darkroom("keys", "create", name) == 2


def test_without_tables_the_fix_is_printed_and_no_file_is_created(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    assert darkroom("keys", "list") == 2
    assert "darkroom migrate" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_data_selects_another_folder_s_database(darkroom: Darkroom, folder: Path, capsys: Printed) -> None:
    assert darkroom("migrate", "--data", "there") == 0
    assert (folder / "there" / "darkroom.db").is_file()
    assert darkroom("keys", "create", "alice", "--data", "there") == 0
    assert darkroom("keys", "list", "--data", "there", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["name"] == "alice"


def test_an_unreachable_database_is_reported_without_its_password(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/nothing")
    assert darkroom("keys", "list") == 6
    message = capsys.readouterr().err
    assert "DARKROOM_DATABASE_URL" in message
    assert "secret" not in message


@pytest.mark.usefixtures("migrated")
def test_a_key_s_limits_are_set_changed_and_removed(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("keys", "create", "alice", "--rpm", "30", "--max-queued", "1000", "--weight", "2.5") == 0
    [made] = lines(capsys)
    assert (made["rpm"], made["max_queued"], made["weight"]) == (30, 1000, 2.5)
    assert darkroom("keys", "limit", "alice", "--rpm", "none", "--concurrency", "4") == 0
    assert darkroom("keys", "limit", made["id"], "--weight", "none") == 0
    assert darkroom("keys", "list") == 0
    [listed] = lines(capsys)
    assert [listed[name] for name in ("rpm", "concurrency", "max_queued", "weight")] == [None, 4, 1000, 1]


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize(
    "options",
    [
        ("limit", "alice"),
        ("limit", "alice", "--rpm", "many"),
        ("limit", "alice", "--rpm", "-1"),
        ("limit", "alice", "--rpm", "nan"),
        ("limit", "alice", "--concurrency", "1.5"),
        ("limit", "alice", "--concurrency", "0"),
        ("create", "bob", "--weight", "0"),
    ],
)
def test_an_invalid_limit_is_refused(darkroom: Darkroom, capsys: Printed, options: tuple[str, ...]) -> None:
    assert darkroom("keys", "create", "alice") == 0
    assert darkroom("keys", *options) == 2
    assert "--" in capsys.readouterr().err


@pytest.mark.usefixtures("migrated")
def test_a_limit_of_an_unknown_key_is_not_found(darkroom: Darkroom) -> None:
    assert darkroom("keys", "limit", "nobody", "--rpm", "1") == 4
