"""The servers that other tests rely on: durability, crashes, fresh databases."""

import psycopg
from redis import Redis
from sqlalchemy import text

from models.database import Database
from tests.support.postgres import Postgres, PostgresAddress, serve_postgres
from tests.support.valkey import serve_valkey


def test_postgres_makes_commits_durable_and_takes_many_connections(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres")) as connection:
        names = ("synchronous_commit", "max_connections")
        settings = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    assert settings == [("on",), ("200",)]


def test_a_collated_postgres_does_not_sort_text_by_code_points(collated_postgres: PostgresAddress) -> None:
    with psycopg.connect(collated_postgres.url("postgres")) as connection:
        ordered = "SELECT array_agg(name ORDER BY name) FROM unnest(%s::text[]) AS names (name)"
        (names,) = connection.execute(ordered, [["B", "a", "_", "b"]]).fetchone() or ()
    assert names != sorted(names), "as by code points"
    assert names.index("a") < names.index("B")


def test_postgres_keeps_its_data_and_its_port_over_a_crash() -> None:
    with serve_postgres() as server:
        server.execute("CREATE DATABASE kept")
        port = server.port
        server.stop()
        server.start()
        server.execute("DROP DATABASE kept")
        assert server.port == port


def test_valkey_keeps_its_port_and_loses_its_data_over_a_crash() -> None:
    with serve_valkey() as server:
        with Redis.from_url(server.url) as client:
            client.set("a", "b")
        server.stop()
        server.start()
        with Redis.from_url(server.url) as client:
            assert client.get("a") is None


async def test_a_fresh_database_is_empty(database: Database) -> None:
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM jobs"))).scalar_one() == 0


async def test_broker_url_leads_to_an_empty_broker(broker_url: str) -> None:
    with Redis.from_url(broker_url) as client:
        assert client.dbsize() == 0
