"""Saved views: filters of lists that a person has given a name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import saved_views as views

VIEWS_PER_PAGE = 50  #: that a caller may save of one page


async def list_views(
    connection: AsyncConnection, caller_id: UUID, page: str | None = None
) -> Sequence[Row[Any]]:
    """Return the views of a caller by page and name."""
    query = select(views).where(views.c.caller_id == caller_id).order_by(views.c.page, views.c.name)
    return (await connection.execute(query if page is None else query.where(views.c.page == page))).all()


async def save_view(
    connection: AsyncConnection, caller_id: UUID, *, page: str, name: str, query: str, at: datetime
) -> bool:
    """Insert or replace a view; ``False``: the caller has as many of this page as are permitted."""
    await delete_view(connection, caller_id, page=page, name=name)
    own = views.c.caller_id == caller_id, views.c.page == page
    if (await connection.scalar(select(func.count()).select_from(views).where(*own)) or 0) >= VIEWS_PER_PAGE:
        return False
    row = {"caller_id": caller_id, "page": page, "name": name, "query": query, "updated_at": at}
    await connection.execute(insert(views).values(**row))
    return True


async def delete_view(connection: AsyncConnection, caller_id: UUID, *, page: str, name: str) -> bool:
    """Delete a view; return whether there was one."""
    here = views.c.caller_id == caller_id, views.c.page == page, views.c.name == name
    return (await connection.execute(delete(views).where(*here))).rowcount > 0
