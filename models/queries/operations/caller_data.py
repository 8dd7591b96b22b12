"""What an installation has of one caller, and the deletion of its input images."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.operations.ended_jobs import delete_asset
from models.queries.uploads import named_by_jobs
from models.states import FINAL
from models.tables import assets, jobs

_FINAL = sorted(status.value for status in FINAL)
_MOST = 1_000_000  # input images


@dataclass(frozen=True, slots=True)
class CallerData:
    """Jobs that a caller submitted before a time, and their pictures."""

    ended: int
    open: int
    pictures: int

    def to_json(self) -> dict[str, int]:
        """Return it as JSON shows it."""
        return asdict(self)


async def read_caller_data(connection: AsyncConnection, caller_id: UUID, before: datetime) -> CallerData:
    """Count what there is."""
    own = jobs.c.caller_id == caller_id, jobs.c.created_at < before
    final = func.sum(case((jobs.c.status.in_(_FINAL), 1), else_=0))
    total, ended = (await connection.execute(select(func.count(), final).where(*own))).one()
    images = select(func.count()).select_from(assets.join(jobs, jobs.c.id == assets.c.job_id)).where(*own)
    pictures = int(await connection.scalar(images) or 0)
    return CallerData(int(ended or 0), int(total) - int(ended or 0), pictures)


async def delete_uploads(connection: AsyncConnection, caller_id: UUID, before: datetime, at: datetime) -> int:
    """Delete a caller's input images of before a time that no job of its names any more; return how many."""
    here = assets.c
    own = here.caller_id == caller_id, here.job_id.is_(None), here.created_at < before
    rows = (await connection.execute(select(assets).where(*own).limit(_MOST))).all()
    named = await named_by_jobs(connection, caller_id, [row.id for row in rows]) if rows else set()
    unused = [row for row in rows if row.id not in named]
    for row in unused:
        await delete_asset(connection, row, reason="purge", at=at)
    return len(unused)
