"""Pictures of takes, stored as a worker stores them, and the examiner of a new worker."""

import asyncio
from collections.abc import Sequence
from io import BytesIO
from typing import Any
from uuid import UUID

from PIL import Image
from sqlalchemy import Row, select, update

from models.queries.assets import insert_assets
from models.states import JobStatus
from models.tables import assets, jobs
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.conftest import Planned, colours, plan
from tests.worker.campaigns.repairs import end_takes
from tests.worker.images.drawing import draw
from worker.asset_store import check_image
from worker.checks.examiner import Examiner
from worker.images.limits import Limits

BLANK = BytesIO()
Image.new("RGB", (64, 48), "white").save(BLANK, "PNG")
WHITE = BLANK.getvalue()  #: a blank picture


def noise(seed: int, kind: str = "PNG", size: tuple[int, int] = (256, 192)) -> bytes:
    """Return a picture that is no near duplicate of one with another seed."""
    out = BytesIO()
    with Image.open(BytesIO(draw("PNG", 8, 6, seed=seed))) as small:
        small.resize(size, Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


def examiner(planned: Planned | Darkroom) -> Examiner:
    """Return the examiner of a new worker."""
    darkroom = planned.darkroom if isinstance(planned, Planned) else planned
    return Examiner(darkroom.services, asyncio.Event(), asyncio.Event())


async def started(darkroom: Darkroom, count: int, **members: Any) -> Planned:
    """Return a campaign whose items wait for their calls."""
    planned = await plan(darkroom, colours(count), failing={"enabled": False}, **members)
    await planned.start()
    await planned.controller.run_round()
    return planned


async def store(darkroom: Darkroom, job_id: UUID, content: bytes, position: int = 0) -> UUID:
    """Store a picture of a job; return its asset."""
    checked = check_image(content, limits=Limits())
    await checked.put(darkroom.services.store)
    job = await darkroom.job(job_id)
    new = checked.stored.as_asset(
        caller_id=job.caller_id,
        at=darkroom.clock(),
        job_id=job_id,
        position=position,
        generation=job.generation,
    )
    async with darkroom.services.database.writing() as connection:
        await insert_assets(connection, [new])
    return new.id


async def make(planned: Planned, *pictures: bytes) -> None:
    """End the newest takes of the first items that wait, each with a picture."""
    waiting = [item for item in await planned.items() if item.state == "waiting"]
    for item, content in zip(waiting, pictures, strict=False):
        await store(planned.darkroom, item.job_id, content)
        await end_takes(planned, [item.job_id], JobStatus.SUCCEEDED)


async def found(darkroom: Darkroom) -> Sequence[Row[Any]]:
    """Return all assets, the oldest first."""
    async with darkroom.services.database.reading() as connection:
        return (await connection.execute(select(assets).order_by(assets.c.id))).all()


async def change_request(darkroom: Darkroom, job_id: UUID, **members: Any) -> None:
    """Let a job have asked for something else."""
    request = (await darkroom.job(job_id)).request | members
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job_id).values(request=request))
