"""upload-discord-images: store images and return their URLs, without a task."""

from uuid import UUID

from pydantic import Field
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.context import RequestContext, request_context
from api.midjourney.image_inputs import store_images, take_images
from api.midjourney.responses import SubmitError, submit_response
from api.midjourney.schemas import Body, Images
from models.ids import parse_id
from models.midjourney.protocol import Code
from models.midjourney.serializers import image_url
from models.queries.midjourney.tasks import assets_by_id

_MAX_IMAGES = 20


class UploadBody(Body):
    """Body of upload-discord-images."""

    base64_array: Images = Field([], alias="base64Array")
    base64: str | None = None


async def upload(request: Request) -> Response:
    """Store images; answer with their URLs, in order."""
    context, body = await request_context(request, UploadBody)
    given = [image for image in (*body.base64_array, body.base64 or "") if image.strip()]
    if not 1 <= len(given) <= _MAX_IMAGES:
        raise SubmitError(Code.INVALID, f"base64Array: needs 1 to {_MAX_IMAGES} pictures, not {len(given)}")
    images = await take_images(context, given, field="base64Array")
    await store_images(context)
    return submit_response(Code.SUCCESS, "Uploaded.", await _urls(context, images))


async def _urls(context: RequestContext, images: list[str]) -> list[str]:
    """Return the URLs of asset ids; URLs stay as they are."""
    ids = {image: parse_id("asset", image) for image in images if image.startswith("asset_")}
    async with context.services.database.reading() as connection:
        rows: dict[UUID, Row[tuple[object, ...]]] = {
            row.id: row for row in await assets_by_id(connection, list(ids.values()))
        }
    public_url = context.services.public_url
    return [image_url(rows[ids[image]], public_url) or "" if image in ids else image for image in images]
