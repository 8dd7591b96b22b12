"""Input pictures: what a caller gave, as the provider wants it."""

import asyncio
import base64
from typing import Any

from sqlalchemy import Row

from models.errors import InvalidRequest
from models.ids import parse_id
from models.queries.pictures import find_inputs
from models.request import ImageRequest
from worker.tasks.preparing import prepared
from worker.tools import Tools
from worker.upstream.presets import Preset


async def image_request(tools: Tools, job: Row[Any], preset: Preset) -> ImageRequest:
    """Return what the job asks for: stored pictures as data URLs; linked ones too if the preset says so."""
    how = job.request.get("prepare")
    inline = preset.inline_images or bool(how)
    images = [await _image(tools, job, image, inline=inline) for image in job.request.get("images", ())]
    images = await prepared(images, how) if how else images
    return ImageRequest(
        model=job.model,
        prompt=job.prompt,
        images=tuple(images),
        size=job.request.get("size"),
        n=job.request.get("n"),
        params=job.request.get("params") or {},
    )


async def _image(tools: Tools, job: Row[Any], image: str, *, inline: bool) -> str:
    if image.startswith("asset_"):
        async with tools.database.reading() as connection:
            found = await find_inputs(connection, [parse_id("asset", image)], job.caller_id)
        if not found:
            raise InvalidRequest("images", f"{image} is gone; give the picture again.")
        return await _data_url(tools, found[0].key, found[0].content_type)
    if not inline or image.startswith("data:"):
        return image
    stored = await tools.keeper.bring_url(image)
    return await _data_url(tools, stored.key, stored.content_type)


async def _data_url(tools: Tools, key: str, content_type: str) -> str:
    content = await tools.store.get(key)
    encoded = await asyncio.to_thread(base64.b64encode, content)
    return f"data:{content_type};base64,{encoded.decode()}"
