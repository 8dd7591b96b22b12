"""Conversation of a submitted job: its prompt or messages, as one prompt, earlier turns and input images.

All input images are in one list, which is stored, checked and recognised as echoes as a whole; turns and mask
refer to it by position. The images that neither refers to go with the prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.jobs.schemas import AssetContent, ChatMessage, Submission, TextContent
from models.errors import InvalidRequest

MOST_IMAGES = 16  #: input images of one job, in all places together


@dataclass(slots=True)
class Conversation:
    """What the model is told."""

    prompt: str
    system: str | None = None
    images: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)  #: name of the field that each image came in
    turns: list[Mapping[str, Any]] = field(default_factory=list)  #: ``{role, parts}``, without the last
    mask: int | None = None  #: position of the mask among the images

    @property
    def length(self) -> int:
        """Characters of all texts."""
        texts = (part.get("text", "") for turn in self.turns for part in turn["parts"])
        return len(self.prompt) + len(self.system or "") + sum(map(len, texts))

    def members(self) -> dict[str, Any]:
        """Return the members of the job's request; empty ones are left out."""
        named = {"system": self.system, "turns": self.turns, "mask": self.mask}
        given = {name: value for name, value in named.items() if value not in (None, [])}
        return {"images": self.images, **given}

    def add_image(self, image: str, name: str) -> int:
        """Add an image; return its position."""
        self.images.append(image)
        self.fields.append(name)
        return len(self.images) - 1


def read_conversation(submission: Submission) -> Conversation:
    """Return the conversation of a submitted job. Raises ``InvalidRequest``."""
    if submission.messages:
        found = _of_messages(submission)
    else:
        found = Conversation(submission.prompt or "", submission.system)
    for position, image in enumerate(submission.images):
        found.add_image(image, f"images.{position}")
    if submission.mask is not None:
        if not submission.images:
            raise InvalidRequest("mask", "needs an image in images that it belongs to")
        found.mask = found.add_image(submission.mask, "mask")
    if len(found.images) > MOST_IMAGES:
        raise InvalidRequest(
            "images", f"there may be {MOST_IMAGES} input images in all, not {len(found.images)}"
        )
    return found


def _of_messages(submission: Submission) -> Conversation:
    if submission.prompt is not None:
        raise InvalidRequest("prompt", "give either prompt or messages, not both")
    *earlier, last = submission.messages
    number = len(earlier)
    if last.role != "user" or not last.text.strip():
        raise InvalidRequest(
            f"messages.{number}", "the last message must be the user's, with text for the model"
        )
    system = [message.text for message in earlier if message.role == "system"]
    found = Conversation(last.text, "\n".join(filter(None, (submission.system, *system))) or None)
    for position, message in enumerate(earlier):
        if message.role != "system":
            parts = _parts(found, message, f"messages.{position}")
            found.turns.append({"role": message.role, "parts": parts})
        elif any(not isinstance(part, TextContent) for part in _contents(message)):
            raise InvalidRequest(f"messages.{position}", "a system message has text only")
    _parts(found, last, f"messages.{number}")
    return found


def _parts(found: Conversation, message: ChatMessage, name: str) -> list[dict[str, Any]]:
    """Return the parts of a message as stored; its images are added to the conversation's."""
    parts: list[dict[str, Any]] = []
    for position, part in enumerate(_contents(message)):
        if isinstance(part, TextContent):
            parts.append({"text": part.text})
        else:
            image = part.asset if isinstance(part, AssetContent) else part.image_url.url
            parts.append({"image": found.add_image(image, f"{name}.content.{position}")})
    return parts


def _contents(message: ChatMessage) -> Sequence[Any]:
    return [TextContent(text=message.content)] if isinstance(message.content, str) else message.content
