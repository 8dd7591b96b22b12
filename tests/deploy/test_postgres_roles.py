"""PostgreSQL with two roles: the owner of the tables, and one that may only read and change rows."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from migrations import upgrade
from models.addresses.database import sqlalchemy_url
from tests.deploy.conftest import PROMPTS, FleetOn, check_all_succeeded
from tests.support.documented import example
from tests.support.postgres import PostgresAddress
from tests.support.valkey import ValkeyAddress

pytestmark = pytest.mark.deploy


@pytest.fixture
def url_of_role(postgres: PostgresAddress) -> Iterator[str]:
    """The address of a migrated database for a role with the rights that docs/deployment.md names."""
    name = f"plain_{os.getpid()}"  # other test processes use the same server
    postgres.execute(f"CREATE DATABASE {name}")
    postgres.execute(f"CREATE ROLE {name} LOGIN")
    upgrade(sqlalchemy_url(postgres.url(name)))
    rights = example("sql", "GRANT CONNECT").replace("DATABASE darkroom", f"DATABASE {name}")
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        connection.execute(rights.replace("darkroom_app", name).encode())
    yield postgres.url(name).replace("postgres@", f"{name}@")
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
    postgres.execute(f"DROP ROLE {name}")


@pytest.mark.slow(reason="a fleet starts and makes 40 calls")
def test_a_fleet_needs_no_more_than_the_rights_on_rows(
    fleet_on: FleetOn, valkey: ValkeyAddress, url_of_role: str
) -> None:
    valkey.flush()
    fleet = fleet_on(valkey.url, database_url=url_of_role)
    made = fleet.client.request("POST", "/v1/webhooks", json={"url": "http://127.0.0.1:9/hook"})
    assert made is not None
    assert made.status_code == 201, made.text
    fleet.client.submit(PROMPTS)
    check_all_succeeded(fleet)
    assert "permission denied" not in fleet.log_tails()
