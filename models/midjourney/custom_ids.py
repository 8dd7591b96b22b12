"""customIds: the names of buttons on the wire, written and parsed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

_MAX_LENGTH = 200  # characters
_HASH = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
_SOLO = "SOLO"
_ALL = "all"
_RETRY = "Retry"


class Verb(StrEnum):
    """Verb of a button, as its customId has it between the prefix and the number."""

    UPSAMPLE = "upsample"
    VARIATION = "variation"
    REROLL = "reroll"
    HIGH_VARIATION = "high_variation"
    LOW_VARIATION = "low_variation"
    INPAINT = "Inpaint"
    OUTPAINT = "Outpaint"  #: numbered 50 for 2x, 75 for 1.5x, 100 for a square
    CUSTOM_ZOOM = "CustomZoom"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PAN_UP = "pan_up"
    PAN_DOWN = "pan_down"
    UPSCALE_2X = "upsample_v5_2x"
    UPSCALE_4X = "upsample_v5_4x"
    UPSCALE_SUBTLE = "upsample_v6_2x_subtle"
    UPSCALE_CREATIVE = "upsample_v6_2x_creative"
    ANIMATE_HIGH = "animate_high"
    ANIMATE_LOW = "animate_low"
    PIC_READER = "PicReader"  #: numbered 0 for all
    PICREAD_RETRY = "Picread"
    PROMPT_ANALYZER = "PromptAnalyzer"


_DEFAULT_FORMAT = "MJ::JOB::{verb}::{number}::{hash}::SOLO"
_FORMATS: Mapping[str, str] = {
    Verb.UPSAMPLE: "MJ::JOB::{verb}::{number}::{hash}",
    Verb.VARIATION: "MJ::JOB::{verb}::{number}::{hash}",
    Verb.INPAINT: "MJ::{verb}::{number}::{hash}::SOLO",
    Verb.OUTPAINT: "MJ::{verb}::{number}::1::{hash}::SOLO",
    Verb.CUSTOM_ZOOM: "MJ::{verb}::{hash}",
    Verb.PIC_READER: "MJ::Job::{verb}::{choice}",
    Verb.PICREAD_RETRY: "MJ::{verb}::" + _RETRY,
    Verb.PROMPT_ANALYZER: "MJ::Job::{verb}::{choice}",
}
_WITHOUT_HASH = {verb.lower() for verb in (Verb.PIC_READER, Verb.PICREAD_RETRY, Verb.PROMPT_ANALYZER)}

#: Upscalers of other model versions, by the verb that they are mapped to.
_UPSCALERS: tuple[tuple[re.Pattern[str], Verb], ...] = (
    (re.compile(r"upsample_v\w{1,8}_subtle", re.ASCII), Verb.UPSCALE_SUBTLE),
    (re.compile(r"upsample_v\w{1,8}_creative", re.ASCII), Verb.UPSCALE_CREATIVE),
    (re.compile(r"upsample_v\w{1,8}_2x", re.ASCII), Verb.UPSCALE_2X),
    (re.compile(r"upsample_v\w{1,8}_4x", re.ASCII), Verb.UPSCALE_4X),
)


@dataclass(frozen=True, slots=True)
class Button:
    """A button: its verb, its number (of an image, or of a degree) and the hash of its task.

    ``verb`` is free text: clients may send any. ``hash`` is ``None`` where the customId has none.
    """

    verb: str
    number: int
    hash: UUID | None

    def custom_id(self) -> str:
        """Return the customId."""
        template = _FORMATS.get(self.verb, _DEFAULT_FORMAT)
        return template.format(verb=self.verb, number=self.number, hash=self.hash, choice=self.number or _ALL)

    def matches(self, button: "Button") -> bool:
        """Return whether a client that sent this button means another one: same verb, number and hash."""
        same = self.verb.lower() == button.verb.lower() and self.number == button.number
        return same and (self.hash == button.hash or (self.hash is None and _needs_no_hash(self.verb)))


def read_custom_id(text: str) -> Button | None:
    """Parse a customId, ours or built by a client from our hash; ``None`` if it is invalid.

    ``MJ::JOB::verb::number::hash``, ``MJ::Verb::number::hash`` and ``MJ::Verb::hash``, with or without
    ``::SOLO`` or a further number at the end; for suggested prompts, without a hash.
    """
    parts = text.strip()[: _MAX_LENGTH + 1].split("::")
    if len("::".join(parts)) > _MAX_LENGTH or len(parts) < 3 or parts[0] != "MJ":
        return None
    rest = parts[2:] if parts[1].upper() == "JOB" else parts[1:]
    if rest[-1] == _SOLO:
        rest = rest[:-1]
    if not rest or not rest[0] or _HASH.fullmatch(rest[0]) or len(rest) > 4:
        return None
    hashes = [part for part in rest if _HASH.fullmatch(part)]
    numbers = [int(part) for part in rest[1:] if _NUMBER.fullmatch(part)]
    if not hashes and _needs_no_hash(rest[0]):
        return _suggested_prompt_button(rest)
    if len(hashes) != 1 or len(hashes) + len(numbers) != len(rest) - 1:
        return None
    return Button(_current_verb(rest[0]), numbers[0] if numbers else 0, UUID(hashes[0]))


def _needs_no_hash(verb: str) -> bool:
    return verb.lower() in _WITHOUT_HASH


def _suggested_prompt_button(rest: list[str]) -> Button | None:
    """Parse ``PicReader::2``, ``PicReader::all`` or ``Picread::Retry``."""
    if len(rest) != 2:
        return None
    word = rest[1]
    if word in (_ALL, _RETRY):
        return Button(rest[0], 0, None)
    return Button(rest[0], int(word), None) if _NUMBER.fullmatch(word) and int(word) else None


def _current_verb(verb: str) -> str:
    return next((current for pattern, current in _UPSCALERS if pattern.fullmatch(verb.lower())), verb)
