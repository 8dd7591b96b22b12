"""Input images of a job, in the form in which its provider takes them."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from models.errors import InvalidRequest, NotFound
from models.ids import parse_id
from models.queries.assets import find_inputs
from models.queries.leases import LeasedJob
from models.request import ImagePart, ImageRequest, Message, TextPart
from worker.asset_store import StoredImage
from worker.images.canvas import Margins, cut_out, masked, pad
from worker.images.shrink import shrink
from worker.services import WorkerServices
from worker.upstream.presets.preset import Preset

_MAX_JOBS = 1000  # in the cache


@dataclass(slots=True)
class InputImageCache:
    """Input images that were fetched by their URLs and stored, by job, until its call is sent.

    A job that misses its start while they are fetched finds them here at its next start.
    """

    by_job: dict[UUID, dict[str, StoredImage]] = field(default_factory=dict)

    async def load(self, services: WorkerServices, job_id: UUID, url: str) -> StoredImage:
        """Return an image, fetched from its URL unless it is in the cache."""
        images = self.by_job.setdefault(job_id, {})
        if url not in images:
            images[url] = await services.asset_store.store_url(url)
        while len(self.by_job) > _MAX_JOBS:
            self.by_job.pop(next(iter(self.by_job)))
        return images[url]

    def forget(self, job_id: UUID) -> None:
        """Forget the images of a job whose call is sent."""
        self.by_job.pop(job_id, None)


async def image_request(
    services: WorkerServices, job: LeasedJob, preset: Preset, *, input_images: InputImageCache | None = None
) -> ImageRequest:
    """Return the request of a job: assets as data URLs, and linked images too if the preset inlines them."""
    cache = input_images or InputImageCache()
    request = job.request
    how, mask = request.get("prepare"), request.get("mask")
    inline = cache if preset.inlines_images or how or mask is not None else None

    async def load(image: str) -> str:
        loaded = await _image(services, job, image, inline)
        most = preset.max_image_bytes
        if most is None:
            return loaded
        async with services.decoding:
            return await asyncio.to_thread(_shrunk, loaded, most)

    images = [await load(image) for image in request.get("images", ())]
    turns = request.get("turns") or ()
    used = {part["image"] for turn in turns for part in turn["parts"] if "image" in part} | {mask}
    last = [image for position, image in enumerate(images) if position not in used]
    mask = None if mask is None else images[mask]
    async with services.decoding:
        last = await prepare_images(last, how) if how else last
        if mask is not None and preset.paths.edits is None:  # a conversation has no place for a mask
            last, mask = [*last, await asyncio.to_thread(_masked, last[0], mask)], None
    return ImageRequest(
        model=job.model,
        prompt=job.prompt,
        images=tuple(last),
        size=request.get("size"),
        n=request.get("n"),
        params=request.get("params") or {},
        system=request.get("system"),
        messages=tuple(_message(turn, images) for turn in turns),
        mask=mask,
        detail=request.get("detail"),
    )


def _message(turn: Mapping[str, Any], images: Sequence[str]) -> Message:
    """Return a stored turn; its images are named by their position."""
    parts = (
        TextPart(part["text"]) if "text" in part else ImagePart(images[part["image"]])
        for part in turn["parts"]
    )
    return Message(turn["role"], tuple(parts))


async def prepare_images(images: Sequence[str], how: Mapping[str, Any]) -> list[str]:
    """Return the input images as the job's ``prepare`` says. Raises ``InvalidRequest``.

    ``{"margins": {"left": 0.5, …}}`` places the first on a larger canvas. ``{"cut": true}`` uses the second
    as a mask, and adds the first with the masked part cut out. All must be data URLs.
    """
    return await asyncio.to_thread(_prepare, images, how)


def _prepare(images: Sequence[str], how: Mapping[str, Any]) -> list[str]:
    if how.get("cut"):
        return [*images, _canvas_data_url(cut_out(_bytes(images[0]), _bytes(images[1])))]
    return [_canvas_data_url(pad(_bytes(images[0]), Margins(**how["margins"]))), *images[1:]]


def _masked(image: str, mask: str) -> str:
    return _canvas_data_url(masked(_bytes(image), _bytes(mask)))


def _shrunk(url: str, most: int) -> str:
    content = _bytes(url)
    if len(content) <= most:
        return url
    smaller, content_type = shrink(content, most)
    return f"data:{content_type};base64,{base64.b64encode(smaller).decode()}"


def _bytes(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


def _canvas_data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


async def _image(
    services: WorkerServices, job: LeasedJob, image: str, input_images: InputImageCache | None
) -> str:
    if image.startswith("asset_"):
        async with services.database.reading() as connection:
            found = await find_inputs(connection, [parse_id("asset", image)], job.caller_id)
        if not found:
            raise InvalidRequest("images", f"{image} is gone; give the picture again.")
        return await _data_url(services, found[0].key, found[0].content_type)
    if input_images is None or image.startswith("data:"):
        return image
    stored = await input_images.load(services, job.id, image)
    try:
        return await _data_url(services, stored.key, stored.content_type)
    except NotFound:  # no asset names it, and the job has waited for longer than such files are kept
        input_images.forget(job.id)
        stored = await input_images.load(services, job.id, image)
        return await _data_url(services, stored.key, stored.content_type)


async def _data_url(services: WorkerServices, key: str, content_type: str) -> str:
    content = await services.store.get(key)
    encoded = await asyncio.to_thread(base64.b64encode, content)
    return f"data:{content_type};base64,{encoded.decode()}"
