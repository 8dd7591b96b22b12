"""Buttons of a finished task, and their JSON."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from models.midjourney.custom_ids import Button, Verb
from models.midjourney.protocol import Action
from models.settings import Settings

GRIDS = frozenset({Action.IMAGINE, Action.VARIATION, Action.REROLL, Action.BLEND, Action.ZOOM, Action.PAN})
"""Actions whose result is a grid, with buttons for each of its images."""

SINGLES = frozenset({Action.UPSCALE, Action.UPSCALE_HD, Action.EDIT, Action.RETEXTURE, Action.SWAP_FACE})
"""Actions whose result is one image, with buttons that change it."""

_ALL = 0  # number of the button that draws every suggested prompt

_SINGLE_BUTTONS: tuple[tuple[Verb, int], ...] = (
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
_VIDEO_BUTTONS: tuple[tuple[Verb, int], ...] = ((Verb.ANIMATE_HIGH, 1), (Verb.ANIMATE_LOW, 1))


def buttons_of_task(task: Any, settings: Settings) -> Sequence[Button]:
    """Return the buttons of a successful task, in the order that clients count on."""
    prompts = task.request.get("picks")
    choices = len(task.pictures if prompts is None else prompts)
    has_video_model = settings.midjourney_video_model is not None
    return buttons_of(task.action, task.hash, choices, has_video_model=has_video_model)


def buttons_of(action: str, task_hash: UUID, choices: int, *, has_video_model: bool) -> Sequence[Button]:
    """Return the buttons of a task; ``choices`` is the number of its images or suggested prompts."""
    numbers = range(1, choices + 1)
    if action in GRIDS:
        return (
            *(Button(Verb.UPSAMPLE, number, task_hash) for number in numbers),
            Button(Verb.REROLL, 0, task_hash),
            *(Button(Verb.VARIATION, number, task_hash) for number in numbers),
        )
    if action in SINGLES and choices:
        buttons = (*_SINGLE_BUTTONS, *(_VIDEO_BUTTONS if has_video_model else ()))
        return [Button(verb, number, task_hash) for verb, number in buttons]
    if action == Action.DESCRIBE:
        prompts = (*numbers, _ALL) if choices else ()
        return (
            *(Button(Verb.PIC_READER, number, task_hash) for number in prompts),
            Button(Verb.PICREAD_RETRY, 0, task_hash),
        )
    if action == Action.SHORTEN:
        return [Button(Verb.PROMPT_ANALYZER, number, task_hash) for number in numbers]
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
    (Verb.PIC_READER, _ALL): _ButtonLabel("Imagine all", "🎉"),
    (Verb.PICREAD_RETRY, 0): _ButtonLabel(emoji="🔄"),
}


def button_view(button: Button) -> dict[str, Any]:
    """Return a button as JSON: five members of fixed types, which Go clients decode strictly."""
    label, emoji = _label_of(button.verb, button.number)
    return {"customId": button.custom_id(), "emoji": emoji, "label": label, "type": 2, "style": 2}


@lru_cache(256)
def _label_of(verb: str, number: int) -> _ButtonLabel:
    """Return a button's label; cached, for lists of tasks show thousands of them."""
    if label := _BUTTON_LABELS.get((verb, number)):
        return label
    letter = {Verb.UPSAMPLE: "U", Verb.VARIATION: "V"}.get(Verb(verb))
    return _ButtonLabel(f"{letter}{number}") if letter else _ButtonLabel(emoji=keycap(number))


def keycap(number: int) -> str:
    """Return a digit as a keycap emoji, which numbers prompts."""
    return f"{number}\ufe0f\u20e3"
