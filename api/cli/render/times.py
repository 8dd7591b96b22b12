"""Durations, ages and points in time as text. Imports nothing of Darkroom: any command may use it."""

from datetime import datetime


def duration(seconds: float) -> str:
    """Return seconds as text: 0.45 s, 12 s, 6 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 90:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def shown_time(moment: str | None) -> str:
    """Return a time of the API without its fractions of a second."""
    return moment.replace("T", " ")[:19] + "Z" if moment else ""


def age(moment: str, at: datetime) -> str:
    """Return how long ago a time of the API was, in its largest unit: 40s, 12m, 5h, 3d."""
    seconds = max(0, int((at - datetime.fromisoformat(moment)).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
