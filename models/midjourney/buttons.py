"""Buttons: what a finished task offers, and how clients see it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from models.midjourney.custom_ids import ButtonPress, Verb
from models.midjourney.protocol import Action
from models.settings import Settings

GRIDS = frozenset({Action.IMAGINE, Action.VARIATION, Action.REROLL, Action.BLEND, Action.ZOOM, Action.PAN})
"""Tasks whose pictures can be picked one by one."""

SINGLES = frozenset({Action.UPSCALE, Action.UPSCALE_HD, Action.EDIT, Action.RETEXTURE, Action.SWAP_FACE})
"""Tasks of one picture, which can be worked on."""

_ALL = 0  # the number of the button that takes every prompt of a description

_ON_ONE_PICTURE: tuple[tuple[Verb, int], ...] = (
    (Verb.UPSCALE_SUBTLE, 1),
    (Verb.UPSCALE_CREATIVE, 1),
    (Verb.UPSCALE_2X, 1),
    (Verb.UPSCALE_4X, 1),
    (Verb.HIGH_VARIATION, 1),
    (Verb.LOW_VARIATION, 1),
    (Verb.INPAINT, 1),
    (Verb.OUTPAINT, 50),
    (Verb.OUTPAINT, 75),
    (Verb.OUTPAINT, 100),
    (Verb.CUSTOM_ZOOM, 0),
    (Verb.PAN_LEFT, 1),
    (Verb.PAN_RIGHT, 1),
    (Verb.PAN_UP, 1),
    (Verb.PAN_DOWN, 1),
)
_TO_VIDEO: tuple[tuple[Verb, int], ...] = ((Verb.ANIMATE_HIGH, 1), (Verb.ANIMATE_LOW, 1))


def buttons_on(task: Any, settings: Settings) -> Sequence[ButtonPress]:
    """Return what a successful task offers, in the order that clients count on."""
    picks = task.request.get("picks")
    choices = len(task.pictures if picks is None else picks)
    animates = settings.midjourney_video_model is not None
    return buttons_of(task.action, task.hash, choices, animates=animates)


def buttons_of(action: str, task_hash: UUID, choices: int, *, animates: bool) -> Sequence[ButtonPress]:
    """Return what a task with so many choices offers: pictures, or the prompts that it found.

    ``animates``: there is a model that makes videos of pictures.
    """
    numbers = range(1, choices + 1)
    if action in GRIDS:
        return (
            *(ButtonPress(Verb.UPSAMPLE, number, task_hash) for number in numbers),
            ButtonPress(Verb.REROLL, 0, task_hash),
            *(ButtonPress(Verb.VARIATION, number, task_hash) for number in numbers),
        )
    if action in SINGLES and choices:
        offered = (*_ON_ONE_PICTURE, *(_TO_VIDEO if animates else ()))
        return [ButtonPress(verb, number, task_hash) for verb, number in offered]
    if action == Action.DESCRIBE:
        picks = (
            [ButtonPress(Verb.PIC_READER, number, task_hash) for number in (*numbers, _ALL)]
            if choices
            else []
        )
        return (*picks, ButtonPress(Verb.PICREAD_RETRY, 0, task_hash))
    if action == Action.SHORTEN:
        return [ButtonPress(Verb.PROMPT_ANALYZER, number, task_hash) for number in numbers]
    return ()


class _ButtonLabel(NamedTuple):
    label: str = ""
    emoji: str = ""


_BUTTON_LABELS: Mapping[tuple[str, int], _ButtonLabel] = {
    (Verb.REROLL, 0): _ButtonLabel(emoji="🔄"),
    (Verb.UPSCALE_SUBTLE, 1): _ButtonLabel("Upscale (Subtle)"),
    (Verb.UPSCALE_CREATIVE, 1): _ButtonLabel("Upscale (Creative)"),
    (Verb.UPSCALE_2X, 1): _ButtonLabel("Upscale (2x)"),
    (Verb.UPSCALE_4X, 1): _ButtonLabel("Upscale (4x)"),
    (Verb.HIGH_VARIATION, 1): _ButtonLabel("Vary (Strong)"),
    (Verb.LOW_VARIATION, 1): _ButtonLabel("Vary (Subtle)"),
    (Verb.INPAINT, 1): _ButtonLabel("Vary (Region)"),
    (Verb.OUTPAINT, 50): _ButtonLabel("Zoom Out 2x"),
    (Verb.OUTPAINT, 75): _ButtonLabel("Zoom Out 1.5x"),
    (Verb.OUTPAINT, 100): _ButtonLabel("Make Square"),
    (Verb.CUSTOM_ZOOM, 0): _ButtonLabel("Custom Zoom"),
    (Verb.PAN_LEFT, 1): _ButtonLabel(emoji="⬅️"),
    (Verb.PAN_RIGHT, 1): _ButtonLabel(emoji="➡️"),
    (Verb.PAN_UP, 1): _ButtonLabel(emoji="⬆️"),
    (Verb.PAN_DOWN, 1): _ButtonLabel(emoji="⬇️"),
    (Verb.ANIMATE_HIGH, 1): _ButtonLabel("Animate (High motion)"),
    (Verb.ANIMATE_LOW, 1): _ButtonLabel("Animate (Low motion)"),
    (Verb.PIC_READER, _ALL): _ButtonLabel("Imagine all"),
    (Verb.PICREAD_RETRY, 0): _ButtonLabel(emoji="🔄"),
}


def button_view(press: ButtonPress) -> dict[str, Any]:
    """Write a button with its five members, each of its type: Go clients decode them strictly."""
    label, emoji = _label_of(press.verb, press.number)
    return {"customId": press.custom_id(), "emoji": emoji, "label": label, "type": 2, "style": 2}


@lru_cache(256)
def _label_of(verb: str, number: int) -> _ButtonLabel:
    """Return a button's face; remembered, for lists of tasks show thousands of them."""
    if face := _BUTTON_LABELS.get((verb, number)):
        return face
    letter = {Verb.UPSAMPLE: "U", Verb.VARIATION: "V"}.get(Verb(verb))
    return _ButtonLabel(f"{letter}{number}") if letter else _ButtonLabel(emoji=keycap(number))


def keycap(number: int) -> str:
    """Write a digit as the emoji that counts prompts."""
    return f"{number}\ufe0f\u20e3"
