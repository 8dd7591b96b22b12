"""Shape of a call by its job's request: what of it matters to the price."""

from collections.abc import Mapping
from typing import Any

from models.money.cost import CallShape
from models.request import image_count, wants_text

_QUALITIES = ("quality", "rendering_speed")  # of OpenAI and relays; of Ideogram


def call_shape(request: Mapping[str, Any], params: Mapping[str, Any], *, one_picture: bool) -> CallShape:
    """Return the shape of a call of a job.

    ``params`` are the channel's, which the job's outrank. ``one_picture``: the channel makes each picture of
    a job by a call of its own.
    """
    own = request.get("params")
    merged = {**params, **(own if isinstance(own, Mapping) else {})}
    quality = next((merged[name] for name in _QUALITIES if isinstance(merged.get(name), str)), None)
    size = request.get("size") or merged.get("size")
    inputs = bool(request.get("images") or request.get("mask") or request.get("messages"))
    return CallShape(
        size=size if isinstance(size, str) else None,
        quality=quality.lower() if quality else None,
        pictures=1 if one_picture else image_count(request.get("n")),
        inputs=inputs,
        text=wants_text(request),
    )
