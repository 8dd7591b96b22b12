"""Darkroom's own pictures in a request, whose jobs name them by the ids of their assets.

Addresses are sent on as stored pictures: a provider can't fetch them from a private network, and chats name
the pictures of their earlier turns. Errors name a file, or the call of a response, as its client did.
"""

import re
from collections.abc import Mapping, Sequence
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
_NAMES = re.compile(r"(?:file-|ig_)([0-9a-z]{26})")
_ASSET = re.compile(r"asset '(asset_[0-9a-z]{26})'")
_MOST_VALUES = 100_000  # of a body that are looked through for the sake of an error's text


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


def picture_names(body: object) -> dict[str, str]:
    """Return the ids by which a body names stored pictures, by the ids of their assets."""
    found, rest, count = dict[str, str](), [body], 0
    while rest and count < _MOST_VALUES:
        value, count = rest.pop(), count + 1
        if isinstance(value, Mapping):
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
        elif isinstance(value, str) and len(value) < 64 and (named := _NAMES.fullmatch(value.strip())):
            found[f"asset_{named[1]}"] = named[0]
    return found


def as_named(text: str, names: Mapping[str, str]) -> str:
    """Return the text of an error, each asset in it named as the client did (``picture_names``)."""

    def name(match: re.Match[str]) -> str:
        return f"picture {names[match[1]]!r}" if match[1] in names else match[0]

    return _ASSET.sub(name, text)


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
