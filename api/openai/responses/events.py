"""Events of the stream of a response. Their numbers are the same each time: a client resumes after one."""

from collections.abc import Iterator
from typing import Any

from api.openai.event_stream import event
from api.openai.responses.document import response_document
from api.openai.results import JobResult
from api.services import ApiServices

_TERMINAL = {"completed": "completed", "failed": "failed", "incomplete": "incomplete", "cancelled": "failed"}


class ResponseEvents:
    """Writer of the events; ``after``: the number of the last one that the client has."""

    early = True

    def __init__(self, services: ApiServices, first: dict[str, Any], *, after: int = -1) -> None:
        self._services, self._first, self._after = services, first, after

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

    async def end(self, result: JobResult) -> bytes:
        """Return the events of the output, and of the end."""
        document = await response_document(self._services, result)
        return self._numbered([*_output_events(document), _last_event(document)], 2)

    async def failure(self, result: JobResult) -> bytes:
        """Return the event of a response that has no output."""
        document = await response_document(self._services, result)
        return self._numbered([_last_event(document)], 2)

    def _numbered(self, events: list[dict[str, Any]], first: int) -> bytes:
        numbered = enumerate(events, first)
        return b"".join(
            event({**each, "sequence_number": number}, each["type"])
            for number, each in numbered
            if number > self._after
        )


def _last_event(document: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"response.{_TERMINAL[document['status']]}", "response": document}


def _output_events(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
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
            yield {"type": "response.output_item.added", "output_index": index, "item": begun}
            for stage in ("in_progress", "generating", "completed"):
                yield {"type": f"response.image_generation_call.{stage}", **shared}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
