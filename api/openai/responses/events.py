"""Events of the stream of a response. Their numbers are the same each time: a client resumes after one.

Where partial pictures are wanted, their numbers are reserved; what the provider does not stream is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from api.openai.event_stream import event
from api.openai.responses.document import response_document
from api.openai.responses.ids import picture_id
from api.openai.results import JobResult, partial_pictures
from api.services import ApiServices
from models.openai.partial_pictures import wanted_partials

Event = dict[str, Any]
_TERMINAL = {"completed": "completed", "failed": "failed", "incomplete": "incomplete", "cancelled": "failed"}
_CALL = "response.image_generation_call"
_BEGUN = 2  # number of the first event after those that say that the response has begun
_FIRST_PARTIAL = _BEGUN + 3  # after those that say that its first picture has begun


class ResponseEvents:
    """Writer of the events; ``after``: the number of the last one that the client has."""

    early = True

    def __init__(self, services: ApiServices, first: dict[str, Any], *, after: int = -1) -> None:
        self._services, self._first, self._after, self._partials = services, first, after, 0

    def begin(self) -> bytes:
        """Return the events of a response that has begun."""
        running = {**self._first, "output": [], "error": None, "usage": None}
        queued, working = {**running, "status": "queued"}, {**running, "status": "in_progress"}
        return self._numbered(
            [
                {"type": "response.created", "response": queued},
                {"type": "response.in_progress", "response": working},
            ],
            0,
        )

    def progress(self, percent: int) -> bytes:
        """Return a comment with the progress: events have fixed numbers."""
        return f": {percent} %\n\n".encode()

    async def partial(self, result: JobResult) -> bytes:
        """Return the events of the partial pictures that have come since the last call."""
        found = await partial_pictures(self._services, result, self._partials)
        if not found:
            return b""
        first, self._partials = self._partials, self._partials + len(found)
        call = {"id": picture_id(result.id), "type": "image_generation_call", "status": "in_progress"}
        shown = [_partial_event(call, index, text) for index, text in enumerate(found, first)]
        begun = self._numbered(list(_picture_begins(call, 0)), _BEGUN)
        return begun + self._numbered(shown, _FIRST_PARTIAL + first)

    async def end(self, result: JobResult) -> bytes:
        """Return the events of the output, and of the end."""
        document = await response_document(self._services, result)
        events = [*_output_events(document), _last_event(document)]
        begun = 3 if document["output"] and document["output"][0]["type"] == "image_generation_call" else 0
        return self._numbered(events[:begun], _BEGUN) + self._numbered(events[begun:], _rest(result, begun))

    async def failure(self, result: JobResult) -> bytes:
        """Return the event of a response that has no output."""
        document = await response_document(self._services, result)
        return self._numbered([_last_event(document)], _rest(result, 0))

    def _numbered(self, events: Sequence[Event], first: int) -> bytes:
        """Return those of the events, of which the first has this number, that the client has not."""
        written = []
        for number, each in enumerate(events, first):
            if number > self._after:
                written.append(event({**each, "sequence_number": number}, each["type"]))
                self._after = number
        return b"".join(written)


def _rest(result: JobResult, begun: int) -> int:
    """Return the number of the event after the partial pictures, if any are wanted.

    ``begun``: how many events have said that the first picture has begun.
    """
    wanted = wanted_partials(result.job.request.get("params"))
    return _FIRST_PARTIAL + wanted if wanted else _BEGUN + begun


def _last_event(document: dict[str, Any]) -> Event:
    return {"type": f"response.{_TERMINAL[document['status']]}", "response": document}


def _partial_event(call: dict[str, Any], index: int, text: str) -> Event:
    picture = {"partial_image_index": index, "partial_image_b64": text, "output_format": "png"}
    return {"type": f"{_CALL}.partial_image", "output_index": 0, "item_id": call["id"], **picture}


def _picture_begins(call: dict[str, Any], index: int) -> Iterator[Event]:
    yield {"type": "response.output_item.added", "output_index": index, "item": call}
    for stage in ("in_progress", "generating"):
        yield {"type": f"{_CALL}.{stage}", "output_index": index, "item_id": call["id"]}


def _output_events(document: dict[str, Any]) -> Iterator[Event]:
    for index, item in enumerate(document["output"]):
        shared = {"output_index": index, "item_id": item["id"]}
        begun = {**item, "status": "in_progress"}
        if item["type"] == "message":
            [part] = item["content"]
            empty = {**begun, "content": []}
            yield {"type": "response.output_item.added", "output_index": index, "item": empty}
            place = {**shared, "content_index": 0}
            yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
            yield {"type": "response.output_text.delta", **place, "delta": part["text"], "logprobs": []}
            yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
            yield {"type": "response.content_part.done", **place, "part": part}
        else:
            begun.pop("result")
            yield from _picture_begins(begun, index)
            yield {"type": f"{_CALL}.completed", **shared}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
