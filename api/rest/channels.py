"""The channels' state, for those who operate."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.answers import JsonAnswer
from api.auth import authenticate
from api.problems import Problem
from api.services import services_of
from api.views import moment
from models.queries.channels import list_channels


async def get_channels(request: Request) -> Response:
    """List all channels. For admins."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    if not caller.admin:
        raise Problem(403, "forbidden", "Only an admin's key may see the channels.")
    async with services.database.reading() as connection:
        rows = await list_channels(connection)
    return JsonAnswer({"data": [_view(row) for row in rows]}, headers={"Cache-Control": "no-store"})


def _view(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "object": "channel",
        "configured": row.configured,
        "models": row.models,
        "rpm": row.rpm,
        "concurrency": row.concurrency,
        "paused_at": moment(row.paused_at),
        "paused_reason": row.paused_reason,
        "tripped_at": moment(row.tripped_at),
        "tripped_reason": row.tripped_reason,
        "blocked_models": row.blocked_models,
        "cooldown_until": moment(row.cooldown_until),
        "cooldown_reason": row.cooldown_reason,
        "next_start_at": moment(row.next_start_at),
        "last_error": row.last_error,
        "updated_at": moment(row.updated_at),
    }
