"""Answer of the images API: the pictures as base64, by their permanent addresses, or both."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from api.openai.facts import images_usage, provider_facts
from api.openai.images.request import ResponseFormat
from api.openai.results import JobResult, asset_facts
from api.services import ApiServices


async def images_answer(
    services: ApiServices, result: JobResult, response_format: ResponseFormat | None
) -> dict[str, Any]:
    """Return the answer of a job that has succeeded. Raises ``NotFound`` and ``StorageError``."""
    data = [await _image(services, asset, response_format) for asset in result.assets]
    answer: dict[str, Any] = {"created": int(result.job.created_at.timestamp()), "data": data}
    if result.assets:
        first = result.assets[0]
        answer["output_format"] = first.content_type.removeprefix("image/")
        if first.width and first.height:
            answer["size"] = f"{first.width}x{first.height}"
    facts, params = provider_facts(result), result.job.request.get("params") or {}
    for name in ("quality", "background"):
        if isinstance(value := params.get(name), str):
            answer[name] = value
    if facts.quality is not None:
        answer["quality"] = facts.quality
    if facts.stated_usage is not None:
        answer["usage"] = images_usage(facts.stated_usage)
    answer["darkroom"] = {"job": result.id, "assets": [_facts(services, each) for each in result.assets]}
    return answer


async def _image(services: ApiServices, asset: Any, response_format: ResponseFormat | None) -> dict[str, Any]:
    image: dict[str, Any] = {}
    if response_format != "url":
        content = await services.store.get(asset.key)
        image["b64_json"] = (await asyncio.to_thread(base64.b64encode, content)).decode("ascii")
    if response_format != "b64_json":  # some clients fetch an address, private ones in vain, if there is any
        image["url"] = _facts(services, asset)["url"]
    return image


def _facts(services: ApiServices, asset: Any) -> Mapping[str, Any]:
    return asset_facts(asset, public_url=services.public_url)
