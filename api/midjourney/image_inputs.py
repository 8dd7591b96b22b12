"""Pictures that clients send: data URLs, bare base64, or addresses; the first two are stored."""

from collections.abc import Sequence

from api.jobs.input_images import read_data_url
from api.midjourney.context import RequestContext
from models.queries.assets import insert_assets


async def take_picture(context: RequestContext, picture: str, *, field: str) -> str:
    """Check a picture that came inside the request; return its asset id, or the address that it is.

    Nothing is stored before ``store_pictures``, so that a submit that is refused leaves nothing behind.
    Raises ``InvalidRequest``.
    """
    url = as_url(picture)
    if not url.startswith("data:"):
        return url
    found = await read_data_url(context.services, context.caller, url, field=field, at=context.at)
    context.pictures.append(found)
    return found.id


async def take_pictures(context: RequestContext, pictures: Sequence[str], *, field: str) -> list[str]:
    """Do the same with a list of pictures."""
    numbered = enumerate(pictures)
    return [await take_picture(context, each, field=f"{field}.{position}") for position, each in numbered]


async def store_pictures(context: RequestContext) -> None:
    """Store the pictures that were taken. Raises ``StorageError``."""
    if not context.pictures:
        return
    for picture in context.pictures:
        await picture.put(context.services.store)
    async with context.services.database.writing() as connection:
        await insert_assets(connection, [picture.asset for picture in context.pictures])


def as_url(picture: str) -> str:
    """Return an address or a data URL; what is neither is taken for bare base64, of whatever type it is."""
    picture = picture.strip()
    head = picture[:8].lower()
    if head.startswith("data:"):
        return "data:" + picture[5:]
    return picture if head.startswith(("http://", "https://")) else f"data:image/png;base64,{picture}"
