"""Accounts of midjourney-proxy: the configured channels, without their secrets."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.auth import authenticated
from api.midjourney.responses import Json, SubmitError
from api.services import services_of
from models.channels import serves
from models.midjourney.protocol import Code
from models.queries.channels import list_channels


async def list_accounts(request: Request) -> Response:
    """List one account per configured channel."""
    return Json(await _accounts(request))


async def fetch_account(request: Request) -> Response:
    """Return one account."""
    name = request.path_params["account_id"]
    found = next((account for account in await _accounts(request) if account["id"] == name), None)
    if found is None:
        raise SubmitError(Code.NOT_FOUND, "There is no such account.", status=404)
    return Json(found)


async def _accounts(request: Request) -> list[dict[str, Any]]:
    services = services_of(request)
    await authenticated(request, services)
    async with services.database.reading() as connection:
        rows = [row for row in await list_channels(connection) if row.configured]
    model = services.settings.midjourney_image_model
    return [_account(row) for row in rows if model is None or serves(row.models, model)]


def _account(row: Any) -> dict[str, Any]:
    closed = row.paused_at or row.tripped_at or row.draining_at
    return {
        "id": row.name,
        "guildId": "",
        "channelId": row.name,
        "userToken": "",
        "userAgent": "",
        "enable": closed is None,
        "coreSize": row.concurrency,
        "queueSize": 0,
        "timeoutMinutes": 0,
        "properties": {},
    }
