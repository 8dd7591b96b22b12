"""Helpers for tests of actions: images to send, buttons to press, and the requests of a task's calls."""

import base64
from io import BytesIO
from typing import Any

from PIL import Image
from sqlalchemy import Row, select

from models.request import ImageRequest
from models.tables import jobs, midjourney_parts
from tests.api.midjourney.stack import MidjourneyStack
from worker.tasks.input_images import image_request


def picture(size: tuple[int, int] = (4, 2), colour: str = "red") -> str:
    """Return a small image as a data URL."""
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def custom_id(task: dict[str, Any], part: str) -> str:
    """Return the customId of a task's button that contains a text."""
    found: list[str] = [each["customId"] for each in task["buttons"] if part in each["customId"]]
    assert found, (part, task["buttons"])
    return found[0]


async def press_button(
    stack: MidjourneyStack, task: dict[str, Any], part: str, **body: Any
) -> dict[str, Any]:
    """Press a task's button; return the envelope."""
    return await stack.submit("action", taskId=task["id"], customId=custom_id(task, part), **body)


async def press_and_complete(
    stack: MidjourneyStack, task: dict[str, Any], part: str, **body: Any
) -> dict[str, Any]:
    """Press a task's button, run the new task to its end, and return it."""
    envelope = await press_button(stack, task, part, **body)
    assert envelope["code"] == 1, envelope
    await stack.work()
    return await stack.fetch(envelope["result"])


async def single(stack: MidjourneyStack, **body: Any) -> dict[str, Any]:
    """Return the task of an upscaled image."""
    return await press_and_complete(stack, await stack.done("imagine", **body), ":upsample::1")


async def jobs_of(stack: MidjourneyStack, number: str) -> list[Row[Any]]:
    """Return the jobs of a task, in order."""
    query = select(jobs).join(midjourney_parts, midjourney_parts.c.job_id == jobs.c.id)
    query = query.where(midjourney_parts.c.task_id == int(number)).order_by(midjourney_parts.c.position)
    async with stack.darkroom.services.database.reading() as connection:
        return list((await connection.execute(query)).all())


async def sent(stack: MidjourneyStack, number: str) -> ImageRequest:
    """Return the request of a task's first call."""
    job = (await jobs_of(stack, number))[0]
    services = stack.darkroom.services
    preset = next(iter(services.routes.values())).preset
    async with services.memory.reservation() as memory:
        return await image_request(services, job, preset, memory=memory)


def opened(url: str) -> Image.Image:
    """Open a data URL."""
    with Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        image.load()
        return image
