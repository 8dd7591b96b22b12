"""Stored pictures: what is known of them, and their bytes."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.image_response import CORS, image_not_found, image_response
from api.jobs.serializers import serialize_asset
from api.services import ApiServices, services_of
from api.web.problems import not_found
from api.web.responses import JsonResponse
from models.ids import parse_id
from models.queries.assets import find_asset, find_asset_by_token

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")


async def get_asset(request: Request) -> Response:
    """Describe a picture."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    asset_id = parse_id("asset", request.path_params["asset_id"])
    async with services.database.reading() as connection:
        row = await find_asset(connection, asset_id, caller_id=caller.id)
    if row is None:
        raise not_found(f"There is no asset {request.path_params['asset_id']!r}.")
    return JsonResponse(serialize_asset(row, public_url=services.public_url))


async def preflight(request: Request) -> Response:
    """Let pages of any origin ask for parts of pictures."""
    allowed = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Range, If-Range, If-None-Match",
        "Access-Control-Max-Age": "86400",
        "Allow": "GET, HEAD, OPTIONS",
    }
    return Response(status_code=204, headers=CORS | allowed)


async def get_picture(request: Request) -> Response:
    """Send a picture, or a part of it. Its address is the permission."""
    services = services_of(request)
    asset = await _find(services, request.path_params["token"], request.path_params["name"])
    return await image_response(request, services, asset)


async def _find(services: ApiServices, token: str, name: str) -> Any:
    asset = None
    if _TOKEN.fullmatch(token):
        async with services.database.reading() as connection:
            asset = await find_asset_by_token(connection, token)
    if asset is None or name != f"{asset.position}.{asset.extension}":
        raise image_not_found()
    return asset
