"""blend: two to five pictures become one, in a grid."""

from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.edit import Edit, submit_edit
from api.midjourney.actions.prompt_templates import Task
from api.midjourney.context import asked_for
from api.midjourney.image_inputs import take_pictures
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body, Pictures
from models.midjourney.protocol import Action, Code

_SIZES = {"PORTRAIT": "2:3", "SQUARE": "1:1", "LANDSCAPE": "3:2"}
_FEWEST, _MOST = 2, 5


class BlendBody(Body):
    """What blend takes."""

    base64_array: Pictures = Field([], alias="base64Array")
    dimensions: Any = None


async def blend(request: Request) -> Response:
    """Blend pictures."""
    context, body = await asked_for(request, BlendBody)
    given = [picture for picture in body.base64_array if picture.strip()]
    if not _FEWEST <= len(given) <= _MOST:
        raise SubmitError(Code.INVALID, f"base64Array: needs {_FEWEST} to {_MOST} pictures, not {len(given)}")
    word = str(body.dimensions or "SQUARE").upper()
    if word not in _SIZES:
        raise SubmitError(Code.INVALID, f"dimensions: must be among {', '.join(_SIZES)}")
    images = await take_pictures(context, given, field="base64Array")
    edit = Edit(
        action=Action.BLEND,
        order=Task.BLEND,
        images=images,
        prompt="",
        description=f"/blend {len(images)}",
        size=_SIZES[word],
        grid=True,
        bot=body.bot,
    )
    return await submit_edit(context, edit)
