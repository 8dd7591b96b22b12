"""What was found out later about calls that had ended, by reading their kept answers again."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.outcomes import Billed, Outcome
from models.tables import attempts


async def correct_attempt(connection: AsyncConnection, job_id: UUID, number: int) -> None:
    """Note that a call had brought a picture after all, and was charged."""
    await connection.execute(
        update(attempts)
        .where(attempts.c.job_id == job_id, attempts.c.number == number)
        .values(outcome=Outcome.SUCCESS.value, error_code=None, billed=Billed.YES.value)
    )
