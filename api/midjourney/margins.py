"""Larger canvases: what is added around a picture to zoom out, to pan, or to make it square."""

from collections.abc import Mapping, Sequence

from models.midjourney.custom_ids import Verb

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
