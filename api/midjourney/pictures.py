"""Pictures that clients send: data URLs, bare base64, or addresses; the first two are stored."""

from collections.abc import Sequence

from api.inputs import read_data_url
from api.midjourney.asked import Asked
from models.queries.pictures import insert_assets


async def take_pictures(asked: Asked, pictures: Sequence[str], *, field: str) -> list[str]:
    """Check what came inside the request; return asset ids and addresses, in order.

    Nothing is stored before ``store_pictures``, so that a submit that is refused leaves nothing behind.
    Raises ``InvalidRequest``.
    """
    taken: list[str] = []
    for position, picture in enumerate(pictures):
        url = as_url(picture)
        if url.startswith("data:"):
            found = await read_data_url(
                asked.services, asked.caller, url, field=f"{field}.{position}", at=asked.at
            )
            asked.pictures.append(found)
            url = found.id
        taken.append(url)
    return taken


async def store_pictures(asked: Asked) -> None:
    """Store the pictures that were taken. Raises ``StorageError``."""
    if not asked.pictures:
        return
    for picture in asked.pictures:
        await picture.put(asked.services.store)
    async with asked.services.database.writing() as connection:
        await insert_assets(connection, [picture.row for picture in asked.pictures])


def as_url(picture: str) -> str:
    """Return an address or a data URL; what is neither is taken for bare base64, of whatever type it is."""
    picture = picture.strip()
    head = picture[:8].lower()
    if head.startswith("data:"):
        return "data:" + picture[5:]
    return picture if head.startswith(("http://", "https://")) else f"data:image/png;base64,{picture}"
