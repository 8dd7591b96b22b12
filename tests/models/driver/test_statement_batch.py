"""A batch gives what SQLAlchemy's own execution gives: the same rows, the same errors, a usable pool."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from models.driver.statement_batch import StatementBatch
from models.errors import DatabaseAway
from models.ids import new_id
from models.queries import transitions
from models.queries.attempts import NewAttempt, insert_attempts
from models.queries.transitions import Revisions, Transition
from models.states import JobStatus
from models.tables import attempts, events, jobs
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.databases import PostgresCopies, sqlalchemy_url
from tests.support.processes import until
from tests.support.query_plans import without_batches

_JOBS = select(jobs).order_by(jobs.c.id)
_EVENTS = select(events.c.job_id, events.c.revision, events.c.at, events.c.detail).order_by(
    events.c.job_id, events.c.revision
)
_SLOW, _OWN = select(func.pg_sleep(60)), select(func.pg_backend_pid())


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_rows_and_changes_are_those_that_sqlalchemy_gives(darkroom: Darkroom) -> None:
    caller, at, lease = await darkroom.caller(), darkroom.clock(), new_id()
    ids = [await darkroom.submit(caller) for _ in range(3)]
    unleased = {"worker_id": None, "lease_token": None}
    changes = [
        Transition(ids[0], JobStatus.QUEUED, JobStatus.LEASED, at, changes={"lease_token": lease}),
        Transition(ids[1], JobStatus.QUEUED, JobStatus.FAILED, at, changes={"error": {"code": "é\0"}}),
        Transition(ids[2], JobStatus.LEASED, JobStatus.QUEUED, at, changes=unleased),  # it is not leased
        Transition(ids[0], JobStatus.LEASED, JobStatus.QUEUED, at, lease, unleased, detail="100 % back"),
    ]

    async def outcome(*, apart: bool) -> tuple[Any, ...]:
        async with darkroom.services.database.engine.connect() as connection:
            if apart:
                await without_batches(connection)
            made: Revisions = await transitions.apply(connection, changes)
            batch = StatementBatch(connection)
            await batch.execute(_JOBS, {})
            await batch.execute(_EVENTS, {})
            rows = [[tuple(row) for row in each] for each in await batch.run()]
            read = [[tuple(row) for row in await connection.execute(each)] for each in (_JOBS, _EVENTS)]
            assert rows == read
            await connection.rollback()
            return dict(made), made.transitions, len(made.made), rows

    together = await outcome(apart=False)
    assert together == await outcome(apart=True)
    assert together[0] == {ids[0]: 3, ids[1]: 2}


async def test_an_error_is_the_one_of_sqlalchemy_and_undoes_the_transaction(darkroom: Darkroom) -> None:
    job_id, database = await darkroom.submit(await darkroom.caller()), darkroom.services.database
    call = NewAttempt(
        job_id=job_id, number=1, generation=1, channel="one", worker_id=new_id(), sent_at=darkroom.clock()
    )

    async def insert_twice(connection: AsyncConnection) -> None:
        batch = StatementBatch(connection)
        for _ in range(2):
            await insert_attempts(batch, [call])
        await batch.execute(_JOBS, {})
        await batch.run()

    with pytest.raises(IntegrityError, match="INSERT INTO attempts"):
        async with database.writing() as connection:
            await insert_twice(connection)
    async with database.writing() as connection:
        savepoint = await connection.begin_nested()
        with pytest.raises(IntegrityError):
            await insert_twice(connection)
        await savepoint.rollback()
        await insert_attempts(connection, [call])
    async with database.reading() as connection:
        batch = StatementBatch(connection)
        await batch.execute(select(attempts), {})
        assert [[row.number for row in rows] for rows in await batch.run()] == [[1]]


@pytest.mark.parametrize("lost", ["cancelled", "ended by the server"])
async def test_a_connection_that_is_lost_in_a_batch_is_replaced(
    postgres_copies: PostgresCopies, lost: str
) -> None:
    with postgres_copies.fresh() as url:
        database = Database(sqlalchemy_url(url), pool=1)
        reached: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def wait() -> None:
            async with database.writing() as connection:
                batch = StatementBatch(connection)
                await batch.execute(_OWN, {})
                reached.set_result((await batch.run())[0][0][0])
                await batch.execute(_SLOW, {})
                await batch.run()

        waiting = asyncio.create_task(wait())
        own = await reached
        with psycopg.connect(url, autocommit=True) as other:
            seen = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%%pg_sleep%%' AND pid = %s"
            await asyncio.to_thread(
                until, lambda: other.execute(seen, (own,)).fetchone(), within=20, what="it sleeps"
            )
            if lost == "cancelled":
                waiting.cancel()
            else:
                other.execute("SELECT pg_terminate_backend(%s)", (own,))
        with pytest.raises(asyncio.CancelledError if lost == "cancelled" else DatabaseAway):
            await waiting
        async with database.reading() as connection:
            batch = StatementBatch(connection)
            await batch.execute(_OWN, {})
            assert await batch.run() != [[(own,)]]
        await database.close()


async def test_a_statement_with_constants_that_are_converted_is_refused(
    postgres_copies: PostgresCopies,
) -> None:
    with postgres_copies.fresh() as url:
        database = Database(sqlalchemy_url(url))
        async with database.reading() as connection:
            batch = StatementBatch(connection)
            await batch.execute(select(literal(timedelta(1))), {})
            with pytest.raises(TypeError):
                await batch.run()
        await database.close()
