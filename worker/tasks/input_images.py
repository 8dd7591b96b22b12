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
from worker.images.decode_process import DecodeProcess
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
        return loaded if most is None else await _shrunk(services.decoding, loaded, most)

    images = [await load(image) for image in request.get("images", ())]
    turns = request.get("turns") or ()
    used = {part["image"] for turn in turns for part in turn["parts"] if "image" in part} | {mask}
    last = [image for position, image in enumerate(images) if position not in used]
    mask = None if mask is None else images[mask]
    last = await prepare_images(services.decoding, last, how) if how else last
    if mask is not None and preset.paths.edits is None:  # a conversation has no place for a mask
        hole = await services.decoding.run(masked, _bytes(last[0]), _bytes(mask))
        last, mask = [*last, _data_url(hole, "image/png")], None
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


async def prepare_images(decoding: DecodeProcess, images: Sequence[str], how: Mapping[str, Any]) -> list[str]:
    """Return the input images as the job's ``prepare`` says. Raises ``InvalidRequest`` and ``ImageError``.

    ``{"margins": {"left": 0.5, …}}`` places the first on a larger canvas. ``{"cut": true}`` uses the second
    as a mask, and adds the first with the masked part cut out. All must be data URLs.
    """
    if how.get("cut"):
        cut = await decoding.run(cut_out, _bytes(images[0]), _bytes(images[1]))
        return [*images, _data_url(cut, "image/png")]
    padded = await decoding.run(pad, _bytes(images[0]), Margins(**how["margins"]))
    return [_data_url(padded, "image/png"), *images[1:]]


async def _shrunk(decoding: DecodeProcess, url: str, most: int) -> str:
    content = _bytes(url)
    return url if len(content) <= most else _data_url(*await decoding.run(shrink, content, most))


def _bytes(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


def _data_url(content: bytes, content_type: str) -> str:
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


async def _image(
    services: WorkerServices, job: LeasedJob, image: str, input_images: InputImageCache | None
) -> str:
    if image.startswith("asset_"):
        async with services.database.reading() as connection:
            found = await find_inputs(connection, [parse_id("asset", image)], job.caller_id)
        if not found:
            raise InvalidRequest("images", f"{image} is gone; give the picture again.")
        return await _load(services, found[0].key, found[0].content_type)
    if input_images is None or image.startswith("data:"):
        return image
    stored = await input_images.load(services, job.id, image)
    try:
        return await _load(services, stored.key, stored.content_type)
    except NotFound:  # no asset names it, and the job has waited for longer than such files are kept
        input_images.forget(job.id)
        stored = await input_images.load(services, job.id, image)
        return await _load(services, stored.key, stored.content_type)


async def _load(services: WorkerServices, key: str, content_type: str) -> str:
    content = await services.store.get(key)
    return await asyncio.to_thread(_data_url, content, content_type)
