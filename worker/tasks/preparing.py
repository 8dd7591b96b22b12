"""Input pictures that are changed before they are sent: laid on a larger canvas, or cut out by a mask."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

from worker.images.canvas import Margins, cut_out, padded


async def prepared(images: Sequence[str], how: Mapping[str, Any]) -> list[str]:
    """Return the input pictures as the job wants them sent. Raises ``InvalidRequest``.

    ``{"margins": {"left": 0.5, …}}`` lays the first on a larger canvas. ``{"cut": true}`` takes the second
    for a mask, and adds the first with a hole in it. All must be data URLs.
    """
    return await asyncio.to_thread(_prepared, images, how)


def _prepared(images: Sequence[str], how: Mapping[str, Any]) -> list[str]:
    if how.get("cut"):
        return [*images, _data_url(cut_out(_bytes(images[0]), _bytes(images[1])))]
    return [_data_url(padded(_bytes(images[0]), Margins(**how["margins"]))), *images[1:]]


def _bytes(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
