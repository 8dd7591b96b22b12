"""Startup: which outages of the database are waited for, and which keys of providers are refused."""

import pytest

from api.cli.startup import is_unavailable, require_long_keys
from models.errors import SettingsError
from models.settings import load_settings

REFUSED = 'connection failed: connection to server at "::1", port 5432 failed: Connection refused'
OUTAGES = [
    REFUSED,
    "connection timeout expired",
    'connection failed: connection to server at "10.0.0.9", port 5432 failed: Operation timed out',
    "failed to resolve host 'postgres': [Errno -2] Name or service not known",
    'connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory',
    "connection failed: FATAL:  the database system is starting up",
    "connection failed: FATAL:  the database system is not yet accepting connections",
    "connection failed: FATAL:  sorry, too many clients already",
    'connection to server at "10.0.0.9", port 5432 failed: session is read-only',
    "consuming input failed: server closed the connection unexpectedly",
]
REFUSALS = [
    'connection failed: FATAL:  password authentication failed for user "darkroom"',
    'connection failed: FATAL:  database "dark" does not exist',
    f'multiple connection attempts failed: {REFUSED}; FATAL:  role "x" does not exist',
    "fe_sendauth: no password supplied",
    "server does not support SSL, but SSL was required",
    'relation "alembic_version" is damaged',
]


@pytest.mark.parametrize("message", OUTAGES)
def test_an_outage_of_the_database_is_temporary(message: str) -> None:
    assert is_unavailable(message)


@pytest.mark.parametrize("message", REFUSALS)
def test_a_refusal_by_the_database_is_permanent(message: str) -> None:
    assert not is_unavailable(message)


def test_a_short_key_of_a_provider_is_refused_before_anything_starts() -> None:
    settings = load_settings(upstream_base_url="https://provider.example", upstream_api_key="sk-1")
    with pytest.raises(SettingsError) as raised:
        require_long_keys(settings)
    (sentence,) = raised.value.faults
    assert sentence.startswith("DARKROOM_UPSTREAM_API_KEY: the key has 4 characters; it needs at least 8.")


@pytest.mark.parametrize("key", ["", "sk-12345"])
def test_a_provider_may_want_no_key(key: str) -> None:
    require_long_keys(load_settings(upstream_base_url="https://provider.example", upstream_api_key=key))
