"""Buttons and their customIds: what a finished task offers, and what a pressed button means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from models.midjourney.vocabulary import Action

_LONGEST = 200  # characters of a customId
_HASH = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
_SOLO = "SOLO"


class Verb(StrEnum):
    """What a button does, as its customId says it between the prefix and the number."""

    UPSAMPLE = "upsample"
    VARIATION = "variation"
    REROLL = "reroll"


@dataclass(frozen=True, slots=True)
class Press:
    """One button: its verb, its number (of a picture, or of a degree) and the hash of the task it is on.

    ``verb`` is free text: clients may send any; whether it is known is the verbs' business.
    """

    verb: str
    number: int
    hash: UUID

    def custom_id(self) -> str:
        """Write it as clients see it."""
        tail = f"::{_SOLO}" if self.verb == Verb.REROLL else ""
        return f"MJ::JOB::{self.verb}::{self.number}::{self.hash}{tail}"


def read_custom_id(text: str) -> Press | None:
    """Read a customId, ours or built by a client from our hash; ``None`` if it is none.

    ``MJ::JOB::verb::number::hash``, ``MJ::Verb::number::hash`` and ``MJ::Verb::hash``, with or without
    ``::SOLO`` or a further number at the end.
    """
    parts = text.strip()[: _LONGEST + 1].split("::")
    if len("::".join(parts)) > _LONGEST or len(parts) < 3 or parts[0] != "MJ":
        return None
    rest = parts[2:] if parts[1].upper() == "JOB" else parts[1:]
    if rest[-1] == _SOLO:
        rest = rest[:-1]
    hashes = [part for part in rest if _HASH.fullmatch(part)]
    numbers = [int(part) for part in rest[1:] if _NUMBER.fullmatch(part)]
    if len(hashes) != 1 or not rest[0] or _HASH.fullmatch(rest[0]) or len(rest) > 4:
        return None
    return Press(rest[0], numbers[0] if numbers else 0, UUID(hashes[0]))


GRIDS = frozenset({Action.IMAGINE, Action.VARIATION, Action.REROLL, Action.BLEND, Action.ZOOM, Action.PAN})
"""Tasks whose pictures can be picked one by one."""


def presses_of(action: str, task_hash: UUID, pictures: int) -> Sequence[Press]:
    """Return what a successful task with so many pictures offers, in the order that clients count on."""
    if action not in GRIDS:
        return ()
    numbers = range(1, pictures + 1)
    return (
        *(Press(Verb.UPSAMPLE, number, task_hash) for number in numbers),
        Press(Verb.REROLL, 0, task_hash),
        *(Press(Verb.VARIATION, number, task_hash) for number in numbers),
    )


_LABELS = {Verb.UPSAMPLE: "U", Verb.VARIATION: "V"}
_EMOJI = {Verb.REROLL: "🔄"}


def button_view(press: Press) -> dict[str, Any]:
    """Write a button with its five members, each of its type: Go clients decode them strictly."""
    letter = _LABELS.get(Verb(press.verb), "")
    return {
        "customId": press.custom_id(),
        "emoji": _EMOJI.get(Verb(press.verb), ""),
        "label": f"{letter}{press.number}" if letter else "",
        "type": 2,
        "style": 2,
    }
