"""Input pictures: what a caller gave, as the provider wants it."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from models.errors import InvalidRequest
from models.ids import parse_id
from models.queries.assets import find_inputs
from models.queries.leases import LeasedJob
from models.request import ImageRequest
from worker.asset_store import StoredImage
from worker.images.canvas import Margins, cut_out, pad
from worker.services import WorkerServices
from worker.upstream.presets import Preset

# Input pictures that are changed before they are sent: laid on a larger canvas, or cut out by a mask.


async def prepared(images: Sequence[str], how: Mapping[str, Any]) -> list[str]:
    """Return the input pictures as the job wants them sent. Raises ``InvalidRequest``.

    ``{"margins": {"left": 0.5, …}}`` lays the first on a larger canvas. ``{"cut": true}`` takes the second
    for a mask, and adds the first with a hole in it. All must be data URLs.
    """
    return await asyncio.to_thread(_prepared, images, how)


def _prepared(images: Sequence[str], how: Mapping[str, Any]) -> list[str]:
    if how.get("cut"):
        return [*images, _canvas_data_url(cut_out(_bytes(images[0]), _bytes(images[1])))]
    return [_canvas_data_url(pad(_bytes(images[0]), Margins(**how["margins"]))), *images[1:]]


def _bytes(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


def _canvas_data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


_MAX_JOBS = 1000  # jobs whose input pictures are remembered


@dataclass(slots=True)
class InputImageCache:
    """Linked input pictures that are in the store, by job, until its call leaves.

    A job that misses its turn while they are brought finds them when its next turn comes.
    """

    by_job: dict[UUID, dict[str, StoredImage]] = field(default_factory=dict)

    async def load(self, services: WorkerServices, job_id: UUID, url: str) -> StoredImage:
        """Return a picture, from its address if it is not here yet."""
        mine = self.by_job.setdefault(job_id, {})
        if url not in mine:
            mine[url] = await services.asset_store.store_url(url)
        while len(self.by_job) > _MAX_JOBS:
            self.by_job.pop(next(iter(self.by_job)))
        return mine[url]

    def forget(self, job_id: UUID) -> None:
        """The job needs them no more."""
        self.by_job.pop(job_id, None)


async def image_request(
    services: WorkerServices, job: LeasedJob, preset: Preset, *, input_images: InputImageCache | None = None
) -> ImageRequest:
    """Return what the job asks for: stored pictures as data URLs; linked ones too if the preset says so."""
    input_images = input_images or InputImageCache()
    how = job.request.get("prepare")
    inline = preset.inline_images or bool(how)
    given = job.request.get("images", ())
    images = [await _image(services, job, image, input_images if inline else None) for image in given]
    images = await prepared(images, how) if how else images
    return ImageRequest(
        model=job.model,
        prompt=job.prompt,
        images=tuple(images),
        size=job.request.get("size"),
        n=job.request.get("n"),
        params=job.request.get("params") or {},
    )


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
    return await _data_url(services, stored.key, stored.content_type)


async def _data_url(services: WorkerServices, key: str, content_type: str) -> str:
    content = await services.store.get(key)
    encoded = await asyncio.to_thread(base64.b64encode, content)
    return f"data:{content_type};base64,{encoded.decode()}"
