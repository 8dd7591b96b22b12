"""Events of a stream of the images API: one per finished picture.

There are no drafts among them: Darkroom keeps finished pictures only.
"""

from typing import Any

from api.openai.event_stream import DONE, event
from api.openai.images.answer import images_answer
from api.openai.results import JobResult
from api.services import ApiServices


class ImageEvents:
    """Writer of the events; ``kind`` is ``image_generation`` or ``image_edit``."""

    early = False

    def __init__(self, services: ApiServices, kind: str) -> None:
        self._services, self._kind = services, kind

    def begin(self) -> bytes:
        """Return nothing: there is no event before a picture."""
        return b""

    def progress(self, percent: int) -> bytes:
        """Return a comment with the progress."""
        return f": {percent} %\n\n".encode()

    async def end(self, result: JobResult) -> bytes:
        """Return an event for each picture."""
        answer = await images_answer(self._services, result, None)
        name = f"{self._kind}.completed"
        shared: dict[str, Any] = {"type": name, "created_at": answer["created"]}
        shared |= {member: answer.get(member, "auto") for member in ("background", "quality")}
        shared |= {
            member: answer[member] for member in ("output_format", "size", "usage") if member in answer
        }
        shared["darkroom"] = {"job": result.id}
        return b"".join(event({**shared, **image}, name) for image in answer["data"]) + DONE
