"""Input images of a submit: data URLs, bare base64 or URLs; the first two are stored as assets."""

from collections.abc import Sequence

from api.jobs.input_images import read_data_url
from api.midjourney.context import RequestContext
from models.queries.assets import insert_assets


async def take_image(context: RequestContext, image: str, *, field: str) -> str:
    """Check an input image; return its asset id, or its URL.

    Nothing is stored before ``store_images``, so that a submit that is not accepted leaves nothing behind.
    Raises ``InvalidRequest``.
    """
    url = as_url(image)
    if not url.startswith("data:"):
        return url
    found = await read_data_url(context.services, context.caller, url, field=field, at=context.at)
    context.input_images.append(found)
    return found.id


async def take_images(context: RequestContext, images: Sequence[str], *, field: str) -> list[str]:
    """Check input images; return their asset ids or URLs, in order. Raises ``InvalidRequest``."""
    return [
        await take_image(context, image, field=f"{field}.{position}") for position, image in enumerate(images)
    ]


async def store_images(context: RequestContext) -> None:
    """Store the context's input images. Raises ``StorageError``."""
    if not context.input_images:
        return
    for image in context.input_images:
        await image.put(context.services.store)
    async with context.services.database.writing() as connection:
        await insert_assets(connection, [image.asset for image in context.input_images])


def as_url(image: str) -> str:
    """Return a URL or a data URL; anything else is taken for bare base64 of an image of any type."""
    image = image.strip()
    head = image[:8].lower()
    if head.startswith("data:"):
        return "data:" + image[5:]
    return image if head.startswith(("http://", "https://")) else f"data:image/png;base64,{image}"
