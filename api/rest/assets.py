"""Stored images: metadata by id, content by unguessable URL."""

import re
from typing import Any

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.access.tombstones import raise_if_deleted, raise_if_image_deleted
from api.auth import authenticate, authenticate_reader
from api.image_response import CORS, ServedImage, image_not_found, image_response
from api.jobs.serializers import serialize_asset
from api.rest.openapi.route_docs import (
    header_parameter,
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_path_id
from api.services import ApiServices, services_of
from api.web.problems import not_found
from api.web.responses import JsonResponse
from models.errors import Conflict
from models.queries.assets import find_asset, find_asset_by_token
from models.queries.operations.ended_jobs import delete_asset, lock_ended
from models.queries.uploads import named_by_jobs
from models.serializers import thumbnail_name

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")


async def get_asset(request: Request) -> Response:
    """Return the metadata of an image."""
    services = services_of(request)
    caller = await authenticate_reader(request, services.authenticator)
    asset_id = await read_path_id(request, "asset", "asset_id", caller_id=caller.scope)
    async with services.database.reading() as connection:
        row = await find_asset(connection, asset_id, caller_id=caller.scope)
        if row is None:
            await raise_if_deleted(connection, "asset", asset_id, caller)
    if row is None:
        raise not_found(f"There is no asset {request.path_params['asset_id']!r}.")
    return JsonResponse(serialize_asset(row, public_url=services.public_url))


async def delete_image(request: Request) -> Response:
    """Delete an image of an ended job, or an input image that no job names."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    asset_id = await read_path_id(request, "asset", "asset_id", caller_id=caller.scope)
    async with services.database.writing() as connection:
        row = await find_asset(connection, asset_id, caller_id=caller.scope)
        if row is not None:
            await _check_unused(connection, row)
            await delete_asset(connection, row, reason="request", at=services.clock())
        else:
            await raise_if_deleted(connection, "asset", asset_id, caller)
    if row is None:
        raise not_found(f"There is no asset {request.path_params['asset_id']!r}.")
    return Response(status_code=204)


async def _check_unused(connection: AsyncConnection, row: Any) -> None:
    """Raise the 409 problem if a job needs an image."""
    if row.job_id is not None:
        if not await lock_ended(connection, [row.job_id]):
            raise Conflict("The job of this image has not ended; cancel it first.")
    elif await named_by_jobs(connection, row.caller_id, [row.id]):
        raise Conflict("A job or a Midjourney task names this input image; delete that first.")


async def preflight_image(request: Request) -> Response:
    """Answer a CORS preflight: pages of any origin may request ranges of images."""
    allowed = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Range, If-Range, If-None-Match",
        "Access-Control-Max-Age": "86400",
        "Allow": "GET, HEAD, OPTIONS",
    }
    return Response(status_code=204, headers=CORS | allowed)


async def get_image(request: Request) -> Response:
    """Return an image or its thumbnail, or a range of it. The token in its URL is the permission."""
    services = services_of(request)
    asset = await _find(services, request.path_params["token"], request.path_params["name"])
    return await image_response(request, services, asset)


async def _find(services: ApiServices, token: str, name: str) -> Any:
    asset = None
    if _TOKEN.fullmatch(token):
        async with services.database.reading() as connection:
            asset = await find_asset_by_token(connection, token)
            if asset is None:
                await raise_if_image_deleted(connection, token)
    if asset is None:
        raise image_not_found()
    if name == f"{asset.position}.{asset.extension}":
        return asset
    for side, (_, _, size) in (asset.thumbnails or {}).items():
        if name == thumbnail_name(asset, side):
            return ServedImage.thumbnail(asset, int(side), size)
    raise image_not_found()


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.add_api_route(
        "/v1/assets/{asset_id}",
        get_asset,
        methods=["GET"],
        tags=["assets"],
        summary="Get the metadata of an image",
        responses=merge_responses(
            response(200, "The asset.", schema_ref("AssetWithJobDocument")),
            problem_responses(401, 404, 410, 422),
        ),
        openapi_extra=request_docs(
            path_parameter("asset_id", "Id of the asset: asset_…, or a unique beginning of it."),
            takes_token=True,
        ),
    )
    router.add_api_route(
        "/v1/assets/{asset_id}",
        delete_image,
        methods=["DELETE"],
        tags=["assets"],
        status_code=204,
        summary="Delete an image; its file goes with the last image of the same content",
        responses=merge_responses(
            response(204, "It is deleted.", None), problem_responses(401, 404, 409, 410, 422)
        ),
        openapi_extra=request_docs(
            path_parameter("asset_id", "Id of the asset: asset_…, or a unique beginning of it.")
        ),
    )
    image_path, content = "/assets/{token}/{name}", {"type": "string", "format": "binary"}
    router.add_api_route(
        image_path,
        get_image,
        methods=["GET"],
        tags=["assets"],
        summary="Download an image; needs no key, the URL is unguessable",
        responses=merge_responses(
            response(200, "The image.", content, media_type="image/*"),
            response(206, "The requested range of the image.", content, media_type="image/*"),
            response(304, "The image has the ETag in If-None-Match.", None),
            problem_responses(404, 410, 416, 503),
        ),
        openapi_extra=request_docs(
            path_parameter("token", "Unguessable token of the image."),
            path_parameter(
                "name", "{position}.{extension}; of a thumbnail {position}-320.webp or {position}-960.webp"
            ),
            header_parameter("Range", "bytes=FIRST-LAST", type="string"),
            header_parameter("If-None-Match", "ETag of an earlier response.", type="string"),
            needs_key=False,
        ),
    )
    router.add_api_route(image_path, get_image, methods=["HEAD"], include_in_schema=False)
    router.add_api_route(image_path, preflight_image, methods=["OPTIONS"], include_in_schema=False)
