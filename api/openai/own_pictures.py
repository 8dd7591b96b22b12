"""Addresses of Darkroom's own pictures in a request: they are sent on as stored pictures, by their ids.

A provider can't fetch them from a private network, and chats name the pictures of their earlier turns.
"""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import UUID

from api.auth import Caller
from api.jobs.validation import ValidJob
from api.services import ApiServices
from models.errors import InvalidRequest, NotFound
from models.ids import parse_id, public_id
from models.queries.assets import find_asset_by_token

_PATH = "/assets/"


async def with_own_pictures(services: ApiServices, caller: Caller, images: Sequence[str]) -> list[str]:
    """Return the images; addresses of the caller's own stored pictures are replaced by their ids."""
    tokens = {image: token for image in images if (token := _token_of(image, services.public_url))}
    if not tokens:
        return list(images)
    ids: dict[str, str] = {}
    async with services.database.reading() as connection:
        for image, token in tokens.items():
            asset = await find_asset_by_token(connection, token)
            if asset is not None and asset.caller_id == caller.id:
                ids[image] = public_id("asset", asset.id)
    return [ids.get(image, image) for image in images]


def with_input_images(valid: ValidJob, images: Sequence[str], fields: Sequence[str]) -> ValidJob:
    """Return a valid job with these input images; ``fields`` name the place of each.

    Raises ``InvalidRequest``.
    """
    assets = {
        position: _asset_id(image, fields[position])
        for position, image in enumerate(images)
        if image.startswith("asset_")
    }
    with_images = valid.with_request(images=list(images))
    return replace(with_images, images=images, fields=fields, assets=assets)


def _asset_id(image: str, field: str) -> UUID:
    try:
        return parse_id("asset", image)
    except NotFound as error:
        raise InvalidRequest(field, str(error), code="input_image_not_found") from error


def _token_of(image: str, public_url: str) -> str | None:
    """Return the token of a picture's address, if it is one of this installation."""
    if not image.startswith(public_url + _PATH):
        return None
    path = urlsplit(image.removeprefix(public_url)).path
    token, _, name = path.removeprefix(_PATH).partition("/")
    return token if token and name and "/" not in name else None
