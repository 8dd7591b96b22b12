"""Larger views: zoom out, custom zoom, pan, make square. The picture is sent on a larger canvas."""

import re
from collections.abc import Mapping, Sequence

from starlette.responses import Response

from api.midjourney.actions.edit import following, submit_edit
from api.midjourney.actions.follow_up import FollowUp, picture_of
from api.midjourney.actions.prompt_templates import Task
from api.midjourney.prompt import read_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.translate import aspect_of, edit_of
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Code

# Larger canvases: what is added around a picture to zoom out, to pan, or to make it square.

Margins = Mapping[str, float]
"""Shares of the picture's own width (left, right) and height (top, bottom)."""

_PAN = 0.5  # of the picture is added
_RATIOS: Sequence[tuple[int, int]] = (
    *((1, 1), (5, 4), (4, 3), (3, 2), (16, 9), (2, 1), (21, 9)),
    *((4, 5), (3, 4), (2, 3), (9, 16), (1, 2), (9, 21)),
)
_SIDES: Mapping[str, str] = {
    Verb.PAN_LEFT: "left",
    Verb.PAN_RIGHT: "right",
    Verb.PAN_UP: "top",
    Verb.PAN_DOWN: "bottom",
}


def zoomed(factor: float) -> Margins:
    """Return what makes a canvas ``factor`` times as wide and as high."""
    return _around((factor - 1) / 2, (factor - 1) / 2)


def panned(verb: str) -> Margins:
    """Return what is added on the side to which the camera moves."""
    return {_SIDES[verb]: _PAN}


def reshaped(width: int, height: int, ratio: float, *, factor: float = 1.0) -> Margins:
    """Return what gives a picture another ratio of width to height; nothing of it is cut off."""
    across = max(1.0, ratio * height / width) * factor
    down = max(1.0, width / height / ratio) * factor
    return _around((across - 1) / 2, (down - 1) / 2)


def ratio_of(width: int, height: int, margins: Margins) -> str:
    """Return the usual ratio that is nearest to a picture with margins: models know few."""
    across = width * (1 + margins.get("left", 0.0) + margins.get("right", 0.0))
    down = height * (1 + margins.get("top", 0.0) + margins.get("bottom", 0.0))
    wide, high = min(_RATIOS, key=lambda each: abs(_log_like(across / down, each[0] / each[1])))
    return f"{wide}:{high}"


def _log_like(one: float, other: float) -> float:
    return max(one, other) / min(one, other) - 1


def _around(across: float, down: float) -> Margins:
    return {"left": across, "right": across, "top": down, "bottom": down}


_FACTORS = {50: 2.0, 75: 1.5}  # by the number in the customId
_SQUARE = 100
_ZOOM = re.compile(r"(?:--|—|–)zoom(?:[ \t=]+(\S+))?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9](?:\.[0-9]{1,4})?", re.ASCII)
_USUAL = 2.0


async def zoom_out(follow: FollowUp) -> Response:
    """Zoom out by a fixed factor, or make square."""
    if follow.press.number == _SQUARE:
        picture = await picture_of(follow, 1)
        margins = reshaped(picture.width or 1, picture.height or 1, 1.0)
        return await _submitted(follow, Task.SQUARE, Action.ZOOM, margins)
    return await _submitted(follow, Task.ZOOM, Action.ZOOM, zoomed(_FACTORS[follow.press.number]))


async def pan(follow: FollowUp) -> Response:
    """Move the camera aside."""
    return await _submitted(follow, Task.PAN, Action.PAN, panned(follow.press.verb))


async def custom_zoom(follow: FollowUp) -> Response:
    """Zoom out as the dialog's prompt says: ``--zoom`` from 1 to 2, and perhaps another ``--ar``."""
    factor, rest = read_zoom(follow.said if follow.words is None else follow.words)
    prompt = read_prompt(rest)
    picture = await picture_of(follow, 1)
    margins = zoomed(factor)
    if ratio := aspect_of(prompt.flags.get("aspect")):
        wide, high = (int(side) for side in ratio.split(":"))
        margins = reshaped(picture.width or 1, picture.height or 1, wide / high, factor=factor)
    if not any(margins.values()):
        raise SubmitError(Code.INVALID, "prompt: --zoom 1 needs an --ar of another shape")
    return await _submitted(follow, Task.ZOOM, Action.ZOOM, margins, words=edit_of(prompt).text)


def read_zoom(text: str) -> tuple[float, str]:
    """Return the factor after the last ``--zoom``, 2 without one, and the other words. Raises ``Refusal``."""
    found = list(_ZOOM.finditer(text))
    if not found:
        return _USUAL, text
    value = found[-1][1] or ""
    if not _NUMBER.fullmatch(value) or not 1 <= float(value) <= 2:
        raise SubmitError(Code.INVALID, "prompt: --zoom must be followed by a number from 1 to 2")
    return float(value), _without(found, text)


def suggested_zoom(prompt: str) -> str:
    """Return the prompt that a dialog begins with; a zoom that led to the picture is not asked for again."""
    found = [each for each in _ZOOM.finditer(prompt) if _NUMBER.fullmatch(each[1] or "")]
    return f"{_without(found, prompt)} --zoom {_USUAL:g}".strip()


def _without(found: Sequence[re.Match[str]], text: str) -> str:
    """Return what stands around these places of a text."""
    starts, ends = [0, *(each.end() for each in found)], [*(each.start() for each in found), len(text)]
    pieces = (text[start:end].strip() for start, end in zip(starts, ends, strict=True))
    return " ".join(piece for piece in pieces if piece)


async def _submitted(
    follow: FollowUp, order: Task, action: Action, margins: Margins, *, words: str | None = None
) -> Response:
    picture = await picture_of(follow, 1)
    edit = following(
        follow,
        picture,
        action=action,
        order=order,
        grid=True,
        size=ratio_of(picture.width or 1, picture.height or 1, margins),
        prepare={"margins": dict(margins)},
        words=follow.said if words is None else words,
    )
    return await submit_edit(follow.asked, edit)
