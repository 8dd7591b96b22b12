"""The database's URL: several hosts, prepared statements, and what is shown of it."""

import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import make_url

from models.addresses.database import driver_arguments, libpq_address, shown_url, sqlalchemy_url
from models.errors import SettingsError
from models.settings import Settings, load_settings


def connected_to(url: str) -> dict[str, object]:
    """Return what psycopg's ``connect`` is called with."""
    parsed, arguments = driver_arguments(make_url(sqlalchemy_url(url)))
    _, from_url = PGDialect_psycopg().create_connect_args(parsed)
    return {**from_url, **arguments}


def test_of_several_hosts_the_one_that_takes_writes_is_connected_to() -> None:
    made = connected_to("postgresql://me:a%40b@one:5433,two,[::1]:5434/jobs?sslmode=verify-full")
    assert made["host"] == "one,two,::1"
    assert made["port"] == "5433,5432,5434"
    assert made["target_session_attrs"] == "read-write"
    assert (made["user"], made["password"], made["dbname"]) == ("me", "a@b", "jobs")
    assert made["sslmode"] == "verify-full"


def test_a_url_may_want_other_servers() -> None:
    assert connected_to("postgresql://one,two/jobs?target_session_attrs=any")["target_session_attrs"] == "any"


def test_one_host_stays_as_it_is() -> None:
    made = connected_to("postgresql://me@[::1]:5433/jobs")
    assert (made["host"], made["port"]) == ("::1", 5433)
    assert "target_session_attrs" not in made


@pytest.mark.parametrize(("given", "threshold"), [("None", None), ("off", None), ("7", 7)])
def test_a_url_may_say_from_when_on_statements_are_prepared(given: str, threshold: int | None) -> None:
    assert connected_to(f"postgresql://h/jobs?prepare_threshold={given}")["prepare_threshold"] == threshold


def test_a_setting_turns_prepared_statements_off_on_postgresql_only() -> None:
    settings = Settings(database_url="postgresql://me:a%40b@one,two/jobs", database_prepared="off")
    parsed, arguments = driver_arguments(make_url(settings.sqlalchemy_url))
    assert arguments["prepare_threshold"] is None
    assert arguments["host"] == "one,two"
    assert parsed.password == "a@b"
    assert Settings(database_url="sqlite:///jobs.db", database_prepared="off").sqlalchemy_url.endswith(
        "jobs.db"
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://h/jobs?prepare_threshold=sometimes", "DARKROOM_DATABASE_PREPARED=off"),
        ("postgresql://h:port/jobs", "use postgresql://USER:PASSWORD@HOST:5432/NAME"),
        ("mysql://h/jobs", "use sqlite:///PATH or postgresql://"),
    ],
)
def test_a_url_that_can_not_be_used_is_refused_with_what_to_write(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings(database_url=url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:p%2Fw@one,two:5433/jobs", "postgresql://me:***@one,two:5433/jobs"),
        ("postgresql://me@h/jobs?password=pw&x=1", "postgresql://me@h/jobs?password=***&x=1"),
        ("sqlite:///jobs.db", "sqlite:///jobs.db"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?sslmode=verify-full", "/trusted.pem"),
        ("?sslmode=verify-ca&connect_timeout=3", "/trusted.pem"),
        ("?sslmode=verify-full&sslrootcert=/own.pem", "/own.pem"),
        ("?sslmode=require", None),
        ("", None),
    ],
)
def test_a_url_that_verifies_trusts_the_certificates_of_the_settings(
    query: str, expected: str | None
) -> None:
    url = sqlalchemy_url(f"postgresql://me@one,two/jobs{query}", ca_file="/trusted.pem")
    assert make_url(url).query.get("sslrootcert") == expected


def test_programs_of_postgresql_get_the_url_without_its_password_and_without_parameters_of_psycopg() -> None:
    for url, address, password in (
        ("postgresql+psycopg://me:p%40ss@h1:1,h2/x", "postgresql://me@h1:1,h2/x", "p@ss"),
        (
            "postgres://h/x?prepare_threshold=none&password=a&sslmode=require",
            "postgresql://h/x?sslmode=require",
            "a",
        ),
        ("postgresql://me@/x?host=/run/pg", "postgresql://me@/x?host=/run/pg", None),
    ):
        assert libpq_address(url) == (address, {} if password is None else {"PGPASSWORD": password})
