"""blend: two to five images become one, drawn as a grid."""

from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.edit import Edit, submit_edit
from api.midjourney.actions.prompt_templates import PromptTemplate
from api.midjourney.context import request_context
from api.midjourney.image_inputs import take_images
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body, Images
from models.midjourney.protocol import Action, Code

_SIZES = {"PORTRAIT": "2:3", "SQUARE": "1:1", "LANDSCAPE": "3:2"}
_MIN_IMAGES, _MAX_IMAGES = 2, 5


class BlendBody(Body):
    """Body of blend."""

    base64_array: Images = Field([], alias="base64Array")
    dimensions: Any = None


async def blend(request: Request) -> Response:
    """Blend images."""
    context, body = await request_context(request, BlendBody)
    given = [image for image in body.base64_array if image.strip()]
    if not _MIN_IMAGES <= len(given) <= _MAX_IMAGES:
        raise SubmitError(
            Code.INVALID, f"base64Array: needs {_MIN_IMAGES} to {_MAX_IMAGES} pictures, not {len(given)}"
        )
    dimensions = str(body.dimensions or "SQUARE").upper()
    if dimensions not in _SIZES:
        raise SubmitError(Code.INVALID, f"dimensions: must be among {', '.join(_SIZES)}")
    images = await take_images(context, given, field="base64Array")
    edit = Edit(
        action=Action.BLEND,
        template=PromptTemplate.BLEND,
        images=images,
        prompt="",
        description=f"/blend {len(images)}",
        size=_SIZES[dimensions],
        grid=True,
        bot=body.bot,
    )
    return await submit_edit(context, edit)
