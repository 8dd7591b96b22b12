"""``darkroom keys``, against the database of the current folder."""

import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.local_database import read, write
from models.api_keys import new_key
from models.clock import now
from models.credentials.strength import SECRET_KEY, weakness
from models.ids import new_id, parse_id
from models.queries.jobs import NewJob, insert_jobs
from models.settings import load_settings

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


def test_a_generated_key_needs_no_installation_and_is_a_good_one(
    darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_API_KEYS", "put-a-long-random-key-here")
    assert darkroom("keys", "generate") == 0
    assert weakness(capsys.readouterr().out.strip(), least=SECRET_KEY) is None


@pytest.mark.usefixtures("migrated")
def test_secrets_are_encrypted_only_with_a_key(
    darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert darkroom("keys", "encrypt") == 2
    assert "DARKROOM_SECRET_KEY is not set" in capsys.readouterr().err
    monkeypatch.setenv("DARKROOM_SECRET_KEY", new_key())
    assert darkroom("keys", "encrypt") == 0
    assert "0 secrets are encrypted now; 0 were already" in capsys.readouterr().err


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


class Installation:
    """The current folder's installation: its keys, and jobs of a caller."""

    def __init__(self, darkroom: Darkroom, capsys: Printed) -> None:
        self._darkroom, self._capsys = darkroom, capsys

    def create(self, *options: str) -> dict[str, Any]:
        """Create a key; return what is printed."""
        assert self._darkroom("keys", "create", *options) == 0
        [made] = lines(self._capsys)
        return made

    def queue(self, caller_id: str, count: int) -> None:
        """Queue jobs of a caller."""
        owner, at = parse_id("caller", caller_id), now()
        new = [
            NewJob(new_id(), "m", "a cat", {}, 0, 3, "hold", at, webhook_url="https://receiver.example/x")
            for _ in range(count)
        ]

        async def act(connection: AsyncConnection) -> None:
            await insert_jobs(connection, new, caller_id=owner, surface="rest", at=at)

        write(load_settings(), act)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return rows of the database."""

        async def act(connection: AsyncConnection) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in await connection.exec_driver_sql(statement)]

        return read(load_settings(), act)


@pytest.fixture
def installation(migrated: None, darkroom: Darkroom, capsys: Printed) -> Installation:
    return Installation(darkroom, capsys)


def on_terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Let a person at a terminal answer the next question."""
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)


@pytest.mark.parametrize(
    ("options", "role", "lifetime"),
    [
        ((), "user", None),
        (("--role", "admin", "--expires", "90d"), "admin", timedelta(days=90)),
        (("--admin", "--expires", "{in_two_days}"), "admin", timedelta(days=2)),
    ],
)
def test_a_key_has_a_role_and_may_expire(
    installation: Installation,
    darkroom: Darkroom,
    capsys: Printed,
    options: tuple[str, ...],
    role: str,
    lifetime: timedelta | None,
) -> None:
    in_two_days = f"{now() + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    made = installation.create("alice", *(each.format(in_two_days=in_two_days) for each in options))
    assert darkroom("keys", "list") == 0
    [listed] = lines(capsys)
    assert (listed["role"], listed["admin"], listed["state"]) == (role, role == "admin", "ready")
    assert listed["expires_at"] == made["expires_at"]
    assert listed["last_used_at"] is None
    if lifetime is None:
        assert made["expires_at"] is None
    else:
        assert abs(datetime.fromisoformat(made["expires_at"]) - now() - lifetime) < timedelta(minutes=5)


@pytest.mark.parametrize("expires", ["2020-01-01", "soon", "0"])
def test_an_expiry_that_is_no_time_to_come_is_refused(
    installation: Installation, darkroom: Darkroom, capsys: Printed, expires: str
) -> None:
    assert installation.rows("SELECT id FROM callers") == []
    assert darkroom("keys", "create", "alice", "--expires", expires) == 2
    assert "--expires" in capsys.readouterr().err
    assert installation.rows("SELECT id FROM callers") == []


def test_a_caller_has_several_keys_each_with_a_name_of_its_own(
    installation: Installation, darkroom: Darkroom, capsys: Printed
) -> None:
    alice = installation.create("alice")
    laptop = installation.create("laptop", "--caller", "alice")
    assert laptop["caller_id"] == alice["caller_id"]
    for arguments, words in (
        (("alice",), "--caller alice"),
        (("laptop", "--caller", alice["caller_id"]), "keys rotate laptop"),
        (("ci", "--caller", "alice", "--rpm", "3"), "keys limit alice"),
        (("from the settings",), "name"),
    ):
        assert darkroom("keys", "create", *arguments) == 2
        assert words in capsys.readouterr().err
    assert darkroom("keys", "create", "ci", "--caller", "nobody") == 4
    assert len(installation.rows("SELECT id FROM api_keys")) == 2


def test_a_rotation_prints_the_new_key_once_and_says_how_long_the_old_one_is_accepted(
    installation: Installation, darkroom: Darkroom, capsys: Printed
) -> None:
    old = installation.create("alice")
    assert darkroom("keys", "rotate", "alice", "--overlap", "2h") == 0
    printed = capsys.readouterr()
    new = json.loads(printed.out)
    assert (new["name"], new["caller_id"]) == ("alice", old["caller_id"])
    assert new["key"].startswith("dk_")
    assert new["key"] != old["key"]
    assert "accepted until" in printed.err
    assert darkroom("keys", "rotate", new["id"], "--overlap", "0") == 0
    assert "revoked" in capsys.readouterr().err
    assert darkroom("keys", "rotate", "nobody") == 4
    assert darkroom("keys", "rotate", "alice", "--overlap", "long") == 2


def test_a_key_that_is_not_the_last_or_has_no_queued_jobs_is_revoked_without_a_question(
    installation: Installation, darkroom: Darkroom
) -> None:
    alice = installation.create("alice")
    installation.create("laptop", "--caller", "alice")
    installation.queue(alice["caller_id"], 2)
    assert darkroom("keys", "revoke", "alice") == 0
    installation.create("bob")
    assert darkroom("keys", "revoke", "bob") == 0
    assert installation.rows("SELECT DISTINCT status FROM jobs") == [("queued",)]


def test_revoking_the_last_key_of_queued_jobs_without_a_terminal_needs_a_choice(
    installation: Installation, darkroom: Darkroom, capsys: Printed
) -> None:
    alice = installation.create("alice")
    installation.queue(alice["caller_id"], 3)
    assert darkroom("keys", "revoke", "alice") == 2
    message = capsys.readouterr().err
    assert all(
        words in message for words in ("3 jobs are queued", "--pause", "--cancel", "Nothing was changed")
    )
    assert darkroom("keys", "revoke", "alice", "--pause", "--cancel") == 2
    assert installation.rows("SELECT revoked_at FROM api_keys") == [(None,)]


@pytest.mark.parametrize(
    ("answer", "code", "status", "revoked"),
    [("p", 0, "queued", True), ("cancel", 0, "cancelled", True), ("", 2, "queued", False)],
)
def test_at_a_terminal_it_is_asked_what_happens_to_the_queued_jobs(
    installation: Installation,
    darkroom: Darkroom,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    status: str,
    revoked: bool,
) -> None:
    alice = installation.create("alice")
    installation.queue(alice["caller_id"], 1)
    on_terminal(monkeypatch, answer)
    assert darkroom("keys", "revoke", "alice") == code
    assert installation.rows("SELECT status FROM jobs") == [(status,)]
    [(revoked_at,)] = installation.rows("SELECT revoked_at FROM api_keys")
    assert bool(revoked_at) is revoked


def test_paused_jobs_wait_for_the_next_key_or_are_cancelled_later(
    installation: Installation, darkroom: Darkroom, capsys: Printed
) -> None:
    alice = installation.create("alice")
    installation.queue(alice["caller_id"], 2)
    assert darkroom("keys", "revoke", "alice", "--pause") == 0
    assert f"--caller {alice['caller_id']}" in capsys.readouterr().err
    assert installation.rows("SELECT DISTINCT status FROM jobs") == [("queued",)]
    assert darkroom("keys", "revoke", "alice", "--cancel") == 0
    assert installation.rows("SELECT DISTINCT status FROM jobs") == [("cancelled",)]
    assert darkroom("keys", "revoke", "alice", "--cancel") == 4


def test_cancelled_jobs_are_cancelled_in_batches_each_with_its_event_and_its_webhook(
    installation: Installation, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setattr("api.cli.key_admin._BATCH", 2)
    alice, bob = installation.create("alice"), installation.create("bob")
    installation.queue(alice["caller_id"], 5)
    installation.queue(bob["caller_id"], 1)
    assert darkroom("keys", "revoke", "alice", "--cancel") == 0
    assert "5 queued jobs were cancelled" in capsys.readouterr().err
    counted = installation.rows("SELECT status, count(*) FROM jobs GROUP BY status ORDER BY status")
    assert counted == [("cancelled", 5), ("queued", 1)]
    told = "SELECT event, count(*) FROM webhook_deliveries GROUP BY event"
    assert installation.rows(told) == [("job.cancelled", 5)]
    reasons = "SELECT DISTINCT detail FROM events WHERE status = 'cancelled'"
    [(reason,)] = installation.rows(reasons)
    assert "last key" in reason


@pytest.mark.usefixtures("migrated")
def test_a_caller_gets_a_budget_and_loses_it_again(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("keys", "create", "alice", "--budget", "20.5USD") == 0
    assert darkroom("keys", "limit", "alice", "--budget", "30 CNY") == 0
    capsys.readouterr()
    assert darkroom("keys", "list") == 0
    [listed] = lines(capsys)
    assert (listed["budget"], listed["budget_currency"]) == ("30", "CNY")
    assert darkroom("keys", "limit", "alice", "--budget", "none") == 0
    for wrong in ("20", "0USD", "-1USD"):
        assert darkroom("keys", "limit", "alice", "--budget", wrong) == 2
    capsys.readouterr()
    darkroom("keys", "list")
    assert lines(capsys)[0]["budget"] is None
