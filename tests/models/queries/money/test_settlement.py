"""Settlement by a bill: an unknown cost becomes a known one, once, and the totals of spend follow."""

from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import update

from models.queries.money.settlement import settle_calls
from models.queries.money.spend import Spend, sum_spend
from models.tables import attempts
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.priced import set_prices


async def spent(darkroom: Darkroom, caller: UUID) -> Spend:
    async with darkroom.services.database.reading() as connection:
        return sum((await sum_spend(connection, [caller])).values(), Spend())


async def settle(
    darkroom: Darkroom, costs: dict[tuple[UUID, int], int], currency: str | None = None
) -> set[tuple[UUID, int]]:
    async with darkroom.services.database.writing() as connection:
        return await settle_calls(connection, costs, currency)


async def cut_call(darkroom: Darkroom, caller: UUID) -> UUID:
    """Make a call of which it is not known whether it was charged."""
    job = await darkroom.submit(caller, practice={"fail": "cut"})
    await (await darkroom.worker()).run_round()
    return job


async def test_an_unknown_cost_is_settled_once_and_no_longer_reserved(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={"interval": 0}) as darkroom:
        set_prices(darkroom, prices={"*": {"per_call": 0.2}})
        caller = await darkroom.caller()
        job = await cut_call(darkroom, caller)
        assert await spent(darkroom, caller) == Spend(0, 0, 200_000)
        assert await settle(darkroom, {(job, 1): 150_000}, "EUR") == {(job, 1)}
        assert await spent(darkroom, caller) == Spend(0, 150_000, 0)
        (call,) = await darkroom.attempts(job)
        assert (call.cost_source, call.currency, call.billed) == ("provider", "USD", "yes")
        assert await settle(darkroom, {(job, 1): 999_999}) == set()
        assert await spent(darkroom, caller) == Spend(0, 150_000, 0)


async def test_a_call_without_a_currency_needs_that_of_the_bill(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={"interval": 0}) as darkroom:
        caller = await darkroom.caller()
        job = await cut_call(darkroom, caller)
        assert await settle(darkroom, {(job, 1): 0}) == set()
        assert await settle(darkroom, {(job, 1): 0}, "CNY") == {(job, 1)}
        (call,) = await darkroom.attempts(job)
        assert (call.cost_micro, call.currency, call.billed) == (0, "CNY", "no")


async def test_a_call_in_flight_is_left(plain_database_url: str, tmp_path: Path) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={"interval": 0}) as darkroom:
        caller = await darkroom.caller()
        job = await cut_call(darkroom, caller)
        changes: dict[str, Any] = {"finished_at": None}
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(attempts).values(**changes))
        assert await settle(darkroom, {(job, 1): 1, (job, 2): 1}, "USD") == set()
