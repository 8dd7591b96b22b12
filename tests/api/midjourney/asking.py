"""What tests of verbs need: pictures to send, buttons to press, and what a task's calls were made of."""

import base64
from io import BytesIO
from typing import Any

from PIL import Image
from sqlalchemy import Row, select

from models.request import ImageRequest
from models.tables import jobs, midjourney_parts
from tests.api.midjourney.studio import Studio
from worker.tasks.input_images import image_request


def picture(size: tuple[int, int] = (4, 2), colour: str = "red") -> str:
    """Return a small picture as a data URL."""
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def custom_id(task: dict[str, Any], part: str) -> str:
    """Return the customId of a task's button that has this in it."""
    found: list[str] = [each["customId"] for each in task["buttons"] if part in each["customId"]]
    assert found, (part, task["buttons"])
    return found[0]


async def press(studio: Studio, task: dict[str, Any], part: str, **body: Any) -> dict[str, Any]:
    """Press a task's button; return the envelope."""
    return await studio.submit("action", taskId=task["id"], customId=custom_id(task, part), **body)


async def pressed(studio: Studio, task: dict[str, Any], part: str, **body: Any) -> dict[str, Any]:
    """Press a task's button, let it come to its end, and return the new task."""
    envelope = await press(studio, task, part, **body)
    assert envelope["code"] == 1, envelope
    await studio.develop()
    return await studio.fetch(envelope["result"])


async def single(studio: Studio, **body: Any) -> dict[str, Any]:
    """Return an upscaled picture of an imagine."""
    return await pressed(studio, await studio.done("imagine", **body), ":upsample::1")


async def jobs_of(studio: Studio, number: str) -> list[Row[Any]]:
    """Return the jobs of a task, in order."""
    query = select(jobs).join(midjourney_parts, midjourney_parts.c.job_id == jobs.c.id)
    query = query.where(midjourney_parts.c.task_id == int(number)).order_by(midjourney_parts.c.position)
    async with studio.darkroom.services.database.reading() as connection:
        return list((await connection.execute(query)).all())


async def sent(studio: Studio, number: str) -> ImageRequest:
    """Return what the first call of a task sends."""
    job = (await jobs_of(studio, number))[0]
    services = studio.darkroom.services
    return await image_request(services, job, next(iter(services.routes.values())).preset)


def opened(url: str) -> Image.Image:
    """Open a data URL."""
    with Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        image.load()
        return image
