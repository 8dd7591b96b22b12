"""Settlement: costs that a bill gives to calls of which they were not known."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.money.cost import CostSource
from models.outcomes import Billed
from models.tables import attempts


async def settle_calls(
    connection: AsyncConnection, costs: Mapping[tuple[UUID, int], int], currency: str | None
) -> set[tuple[UUID, int]]:
    """Write costs in millionths by job and number of the call; return the calls that were settled.

    A call keeps its currency; one without gets ``currency``, and is left without one. Calls in flight, and
    those whose cost is known meanwhile, are left.
    """
    here, settled = attempts.c, set[tuple[UUID, int]]()
    for (job_id, number), micro in costs.items():
        own = here.currency if currency is None else func.coalesce(here.currency, currency)
        unknown = or_(here.cost_micro.is_(None), here.cost_source == CostSource.UNKNOWN.value)
        statement = (
            update(attempts)
            .where(here.job_id == job_id, here.number == number)
            .where(here.finished_at.is_not(None), unknown, own.is_not(None))
            .values(
                cost_micro=micro,
                currency=own,
                cost_source=CostSource.PROVIDER.value,
                billed=(Billed.YES if micro else Billed.NO).value,
            )
        )
        if (await connection.execute(statement)).rowcount == 1:
            settled.add((job_id, number))
    return settled
