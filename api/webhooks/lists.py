"""Lists of webhooks and deliveries: of one caller; of all, for roles that see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.webhooks.documents import delivery_view, webhook_view
from models.credentials.encryption import SecretCipher
from models.ids import public_id
from models.queries.webhooks.all_callers import list_all_endpoints, newest_deliveries


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """Documents, and the id after which the next page begins; ``None``: there is none."""

    documents: Sequence[Mapping[str, Any]]
    following: str | None


async def read_webhooks(
    connection: AsyncConnection,
    caller: Caller,
    cipher: SecretCipher,
    *,
    after: UUID | None = None,
    limit: int,
) -> WebhookPage:
    """Return a page of the endpoints in a caller's scope, oldest first, each with its caller."""
    rows = await list_all_endpoints(connection, caller.scope, after=after, limit=limit + 1)
    documents = [{**webhook_view(row, cipher), "caller": _owner(row)} for row in rows[:limit]]
    return WebhookPage(documents, documents[-1]["id"] if len(rows) > limit else None)


async def read_deliveries(
    connection: AsyncConnection, caller: Caller, *, before: UUID | None = None, limit: int
) -> WebhookPage:
    """Return a page of the deliveries in a caller's scope, to all receivers, newest first."""
    rows = await newest_deliveries(connection, caller.scope, before=before, limit=limit + 1)
    documents = [{**delivery_view(row), "caller": _owner(row)} for row in rows[:limit]]
    return WebhookPage(documents, documents[-1]["id"] if len(rows) > limit else None)


def _owner(row: Any) -> dict[str, Any]:
    return {"id": public_id("caller", row.caller_id), "name": row.caller}
