"""Zoom out, custom zoom, pan and make square: the image is sent on a larger canvas to be filled."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from starlette.responses import Response

from api.midjourney.actions.edit import edit_of_parent, submit_edit
from api.midjourney.actions.follow_up import FollowUp, image_of_parent
from api.midjourney.actions.prompt_templates import PromptTemplate
from api.midjourney.prompt import parse_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.translate import edit_parameters, size_of_ratio
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Code

Margins = Mapping[str, float]
"""What a canvas adds: shares of the image's own width (left, right) and height (top, bottom)."""

_FACTORS = {50: 2.0, 75: 1.5}  # by the number in the customId
_SQUARE = 100
_DEFAULT_FACTOR = 2.0
_PAN = 0.5  # share of the image
_PAN_SIDES: Mapping[str, str] = {
    Verb.PAN_LEFT: "left",
    Verb.PAN_RIGHT: "right",
    Verb.PAN_UP: "top",
    Verb.PAN_DOWN: "bottom",
}
_RATIOS: Sequence[tuple[int, int]] = (
    *((1, 1), (5, 4), (4, 3), (3, 2), (16, 9), (2, 1), (21, 9)),
    *((4, 5), (3, 4), (2, 3), (9, 16), (1, 2), (9, 21)),
)
_ZOOM = re.compile(r"(?:--|—|–)zoom(?:[ \t=]+(\S+))?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9](?:\.[0-9]{1,4})?", re.ASCII)


async def zoom_out(follow_up: FollowUp) -> Response:
    """Zoom out by a fixed factor, or make square."""
    number = follow_up.button.number
    if number == _SQUARE:
        image = await image_of_parent(follow_up, 1)
        margins = reshape_margins(image.width or 1, image.height or 1, 1.0)
        return await _submit(follow_up, PromptTemplate.SQUARE, Action.ZOOM, margins)
    return await _submit(follow_up, PromptTemplate.ZOOM, Action.ZOOM, zoom_margins(_FACTORS[number]))


async def pan(follow_up: FollowUp) -> Response:
    """Extend the image on one side."""
    return await _submit(follow_up, PromptTemplate.PAN, Action.PAN, pan_margins(follow_up.button.verb))


async def custom_zoom(follow_up: FollowUp) -> Response:
    """Zoom out by the dialog's prompt: ``--zoom`` from 1 to 2, and optionally another ``--ar``."""
    text = follow_up.parameters.text if follow_up.prompt is None else follow_up.prompt
    factor, rest = parse_zoom(text)
    prompt = parse_prompt(rest)
    image = await image_of_parent(follow_up, 1)
    margins = zoom_margins(factor)
    if ratio := size_of_ratio(prompt.flags.get("aspect")):
        wide, high = (int(side) for side in ratio.split(":"))
        margins = reshape_margins(image.width or 1, image.height or 1, wide / high, factor=factor)
    if not any(margins.values()):
        raise SubmitError(Code.INVALID, "prompt: --zoom 1 needs an --ar of another shape")
    text = edit_parameters(prompt).text
    return await _submit(follow_up, PromptTemplate.ZOOM, Action.ZOOM, margins, text=text)


def parse_zoom(text: str) -> tuple[float, str]:
    """Return the factor of the last ``--zoom``, 2 without one, and the text without it.

    Raises ``SubmitError``.
    """
    found = list(_ZOOM.finditer(text))
    if not found:
        return _DEFAULT_FACTOR, text
    value = found[-1][1] or ""
    if not _NUMBER.fullmatch(value) or not 1 <= float(value) <= 2:
        raise SubmitError(Code.INVALID, "prompt: --zoom must be followed by a number from 1 to 2")
    return float(value), _without(found, text)


def custom_zoom_prompt(prompt: str) -> str:
    """Return the prompt that the dialog begins with: the parent's, its own ``--zoom`` replaced."""
    found = [match for match in _ZOOM.finditer(prompt) if _NUMBER.fullmatch(match[1] or "")]
    return f"{_without(found, prompt)} --zoom {_DEFAULT_FACTOR:g}".strip()


def zoom_margins(factor: float) -> Margins:
    """Return the margins of a canvas ``factor`` times as wide and as high."""
    return _centred((factor - 1) / 2, (factor - 1) / 2)


def pan_margins(verb: str) -> Margins:
    """Return the margin on the side to which the camera moves."""
    return {_PAN_SIDES[verb]: _PAN}


def reshape_margins(width: int, height: int, ratio: float, *, factor: float = 1.0) -> Margins:
    """Return the margins that give an image another ratio of width to height without cropping it."""
    across = max(1.0, ratio * height / width) * factor
    down = max(1.0, width / height / ratio) * factor
    return _centred((across - 1) / 2, (down - 1) / 2)


def nearest_ratio(width: int, height: int, margins: Margins) -> str:
    """Return the common ratio nearest to an image with margins: models know few."""
    across = width * (1 + margins.get("left", 0.0) + margins.get("right", 0.0))
    down = height * (1 + margins.get("top", 0.0) + margins.get("bottom", 0.0))
    wide, high = min(_RATIOS, key=lambda each: _distance(across / down, each[0] / each[1]))
    return f"{wide}:{high}"


async def _submit(
    follow_up: FollowUp,
    template: PromptTemplate,
    action: Action,
    margins: Margins,
    *,
    text: str | None = None,
) -> Response:
    image = await image_of_parent(follow_up, 1)
    edit = edit_of_parent(follow_up, image, action=action, template=template)
    edit = replace(
        edit,
        grid=True,
        size=nearest_ratio(image.width or 1, image.height or 1, margins),
        prepare={"margins": dict(margins)},
        text=edit.text if text is None else text,
    )
    return await submit_edit(follow_up.context, edit)


def _distance(one: float, other: float) -> float:
    """Return how far two ratios are apart, relative to the smaller one."""
    return max(one, other) / min(one, other) - 1


def _centred(across: float, down: float) -> Margins:
    return {"left": across, "right": across, "top": down, "bottom": down}


def _without(matches: Sequence[re.Match[str]], text: str) -> str:
    """Return a text without these matches."""
    starts = [0, *(match.end() for match in matches)]
    ends = [*(match.start() for match in matches), len(text)]
    parts = (text[start:end].strip() for start, end in zip(starts, ends, strict=True))
    return " ".join(part for part in parts if part)
