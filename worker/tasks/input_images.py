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
from models.request import (
    CHAT,
    ImagePart,
    ImageRequest,
    Message,
    TextPart,
    chat_images,
    with_chat_images,
)
from worker.asset_store import StoredImage
from worker.images.canvas import Margins, cut_out, masked, pad
from worker.images.decode_process import DecodeProcess, decoding_memory
from worker.images.input_limits import InputSize, check_input_sizes
from worker.images.limits import Limits
from worker.images.mask_size import inline_size, require_same_size
from worker.images.shrink import shrink
from worker.memory_budget import Reservation
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


@dataclass(frozen=True, slots=True)
class _Source:
    """An input image as the job names it, and as it is stored; ``None``: it is sent as it is."""

    image: str
    stored: StoredImage | None = None

    @property
    def size(self) -> InputSize:
        """Its size, as far as it is known."""
        stored = self.stored
        if stored is None:
            return InputSize(len(self.image) if self.image.startswith("data:") else 0, 0)
        return InputSize.of(stored.bytes, stored.width, stored.height)


async def image_request(
    services: WorkerServices,
    job: LeasedJob,
    preset: Preset,
    *,
    memory: Reservation,
    input_images: InputImageCache | None = None,
) -> ImageRequest:
    """Return the request of a job: assets as data URLs, and linked images too if the preset inlines them.

    ``memory`` holds afterwards what it took to build it, and its body. Each image is loaded once, however
    often it is sent. Raises ``InvalidRequest``, ``ImageError`` and ``StorageError``.
    """
    cache = input_images or InputImageCache()
    request = job.request
    how, mask = request.get("prepare"), request.get("mask")
    named: Sequence[str] = request.get("images", ())
    inline = cache if preset.inlines_images or how or mask is not None else None
    sources = await _find_sources(services, job, named, inline)
    check_input_sizes((sources[image].size for image in named), services.settings)
    most = preset.max_image_bytes
    await memory.acquire(_building_memory(named, sources, decoded=bool(how) or mask is not None, most=most))

    loaded: dict[str, str] = {}
    sizes: dict[str, str | None] = {}
    for image, source in sources.items():
        url = await _load(services, job, source, cache)
        loaded[image] = url if most is None else await _shrunk(services.decoding, url, most)
        if mask is not None:
            sizes[image] = inline_size(url, Limits(size=services.settings.input_image_limit))
    images = [loaded[image] for image in named]
    turns = request.get("turns") or ()
    used = {part["image"] for turn in turns for part in turn["parts"] if "image" in part} | {mask}
    chat: Sequence[Mapping[str, Any]] = request.get(CHAT) or ()
    in_chat = chat_images(chat)
    used.update(in_chat)
    last = [image for position, image in enumerate(images) if position not in used]
    if mask is not None:
        first = next(position for position in range(len(named)) if position not in used)
        require_same_size(sizes[named[mask]], sizes[named[first]])
        mask = images[mask]
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
        chat=tuple(with_chat_images(chat, [images[position] for position in in_chat])),
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


async def _find_sources(
    services: WorkerServices, job: LeasedJob, named: Sequence[str], inline: InputImageCache | None
) -> dict[str, _Source]:
    """Return where each image is; linked ones are fetched if they are sent ``inline``."""
    assets = {image: parse_id("asset", image) for image in named if image.startswith("asset_")}
    found = {}
    if assets:
        async with services.database.reading() as connection:
            found = {row.id: row for row in await find_inputs(connection, [*assets.values()], job.caller_id)}
    sources = {}
    for image in dict.fromkeys(named):
        stored = None
        if image in assets:
            if assets[image] not in found:
                raise InvalidRequest("images", f"{image} is gone; give the picture again.")
            stored = StoredImage.from_row(found[assets[image]])
        elif inline is not None and not image.startswith("data:"):
            stored = await inline.load(services, job.id, image)
        sources[image] = _Source(image, stored)
    return sources


def _building_memory(
    named: Sequence[str], sources: Mapping[str, _Source], *, decoded: bool, most: int | None
) -> int:
    """Return the bytes that building a request takes: its images as data URLs, and its body thrice."""
    inline = [source.size for source in sources.values() if source.size.bytes]
    if not inline:
        return 0
    sent = sum(sources[image].size.bytes for image in named)
    encoded = (sum(size.bytes for size in inline) + 3 * sent) * 4 // 3
    decoded = decoded or (most is not None and any(size.bytes > most for size in inline))
    return encoded + max(decoding_memory(size.bytes, size.pixels if decoded else 0) for size in inline)


async def _load(services: WorkerServices, job: LeasedJob, source: _Source, cache: InputImageCache) -> str:
    """Return an image as a data URL, or as it is named."""
    stored = source.stored
    if stored is None:
        return source.image
    try:
        content = await services.store.get(stored.key)
    except NotFound:  # no asset names it, and the job has waited for longer than such files are kept
        if source.image.startswith("asset_"):
            raise
        cache.forget(job.id)
        stored = await cache.load(services, job.id, source.image)
        content = await services.store.get(stored.key)
    return await asyncio.to_thread(_data_url, content, stored.content_type)
