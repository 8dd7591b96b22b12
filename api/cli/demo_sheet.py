"""Sheet of the demo's campaign: 60 lines; two are wrong, and some ask the practice provider to fail."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from worker.practice.drawing.png import tiny_png

TEMPLATE = "{subject}, {light} {note|}"
"""The prompt of each row."""
COLUMNS = ("key", "subject", "light", "note", "images")
LINES = 60  #: rows; the header is not counted
WITHOUT_SUBJECT, REPEATED_KEY = 17, 42  #: numbers of the rows that are wrong, from 1
_SUBJECTS = (
    "A lighthouse in a snowstorm",
    "An old astronomer's desk: brass, star charts, cold tea",
    "Koi under autumn leaves, seen from above",
    "雨后的江南小巷，青石板上映着红灯笼",
    "A fox asleep in a field of barley",
    "The last tram home, neon in the puddles",
    "Still life: three lemons, a chipped blue bowl",
    "A library inside a hollow redwood",
    "Ein Heißluftballon über dem Wattenmeer",
    "Desert observatory, one lit window",
    "Paper boats on a flooded street, 1936",
    "A tiny dragon guarding a teapot",
)
_LIGHTS = ("at dawn", "at noon", "in the blue hour", "by moonlight", "in fog")
_NOTES = {
    9: "[fail 503 once]",  # is called again at once, free of charge
    23: "[fail refusal once]",  # fails; a retry makes it
    31: "[fail refusal once]",
    38: "[fail moderation]",  # fails again
}
REPETITIONS = (53, 54)  #: rows that ask for the same picture, the one beside the sheet
_STAMP = "stamp.png"


def sheet_rows() -> Iterator[Mapping[str, str]]:
    """Yield the rows."""
    for number in range(1, LINES + 1):
        repeats = number in REPETITIONS
        place = number - 1
        yield {
            "key": f"card-{5 if number == REPEATED_KEY else number:02}",
            "subject": "" if number == WITHOUT_SUBJECT else _SUBJECTS[place % len(_SUBJECTS)],
            "light": _LIGHTS[place // len(_SUBJECTS)],
            "note": "repeat the given picture" if repeats else _NOTES.get(number, ""),
            "images": _STAMP if repeats else "",
        }


def write_sheet(path: Path) -> Path:
    """Write the sheet as CSV, with its input image beside it; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / _STAMP).write_bytes(tiny_png("a stamp", 1))
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS)
        rows.writeheader()
        rows.writerows(sheet_rows())
    return path
