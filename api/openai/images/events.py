"""Events of a stream of the images API: partial pictures as the provider streams them, then finished ones."""

from typing import Any

from api.openai.event_stream import DONE, event
from api.openai.images.answer import images_answer
from api.openai.results import JobResult, partial_pictures
from api.services import ApiServices


class ImageEvents:
    """Writer of the events; ``kind`` is ``image_generation`` or ``image_edit``.

    ``partials``: how many partial pictures are wanted.
    """

    def __init__(self, services: ApiServices, kind: str, *, partials: int = 0) -> None:
        self._services, self._kind, self._shown = services, kind, 0
        self.early = partials > 0

    def begin(self) -> bytes:
        """Return nothing: there is no event before a picture."""
        return b""

    def progress(self, percent: int) -> bytes:
        """Return a comment with the progress."""
        return f": {percent} %\n\n".encode()

    async def partial(self, result: JobResult) -> bytes:
        """Return the events of the partial pictures that have come since the last call."""
        written = []
        name = f"{self._kind}.partial_image"
        shared = {"type": name, "created_at": int(result.job.created_at.timestamp())}
        shared |= {"background": "auto", "quality": "auto", "output_format": "png", "size": "auto"}
        for text in await partial_pictures(self._services, result, self._shown):
            written.append(event({**shared, "partial_image_index": self._shown, "b64_json": text}, name))
            self._shown += 1
        return b"".join(written)

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
