"""Pictures that clients send: data URLs, bare base64, or addresses; the first two are stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from api.auth import Caller
from api.inputs import keep_data_url
from api.services import Services
from models.queries.pictures import insert_assets


async def keep_pictures(
    services: Services, caller: Caller, pictures: Sequence[str], *, field: str, at: datetime
) -> list[str]:
    """Store what came inside the request; return asset ids and addresses, in order.

    Raises ``InvalidRequest``, and ``StorageError``.
    """
    kept: list[str] = []
    rows: list[dict[str, Any]] = []
    for position, picture in enumerate(pictures):
        url = as_url(picture)
        if url.startswith("data:"):
            url, row = await keep_data_url(services, caller, url, field=f"{field}.{position}", at=at)
            rows.append(row)
        kept.append(url)
    if rows:
        async with services.database.writing() as connection:
            await insert_assets(connection, rows)
    return kept


def as_url(picture: str) -> str:
    """Return an address or a data URL; what is neither is taken for bare base64, of whatever type it is."""
    picture = picture.strip()
    head = picture[:8].lower()
    if head.startswith("data:"):
        return "data:" + picture[5:]
    return picture if head.startswith(("http://", "https://")) else f"data:image/png;base64,{picture}"
