"""Stream of chat completions: progress as text, the way relays write it, then text and pictures."""

from typing import Any
from uuid import UUID

from api.openai.chat.answer import ChatAnswer, chat_answer, completion_id
from api.openai.event_stream import DONE, event
from api.openai.results import JobResult
from api.services import ApiServices
from models.ids import public_id

_KIND = "chat.completion.chunk"


class ChatChunks:
    """Writer of the chunks of one answer."""

    early = True

    def __init__(
        self, services: ApiServices, job_id: UUID, model: str, *, created: int, with_usage: bool
    ) -> None:
        self._services, self._with_usage = services, with_usage
        self._head: dict[str, Any] = {
            "id": completion_id(public_id("job", job_id)),
            "object": _KIND,
            "created": created,
            "model": model,
        }

    def begin(self) -> bytes:
        """Return the chunk that begins the message."""
        return self._chunk(0, {"role": "assistant", "content": ""})

    def progress(self, percent: int) -> bytes:
        """Return a line of progress."""
        return self._chunk(0, {"content": f"> Progress {percent}%\n\n"}) if percent < 100 else b""

    async def end(self, result: JobResult) -> bytes:
        """Return the chunks with the answer, its finish reason and its usage."""
        answer = chat_answer(result, public_url=self._services.public_url)
        parts = [self._answer(answer)]
        if self._with_usage:
            parts.append(event({**self._head, "choices": [], "usage": answer.usage}))
        return b"".join(parts) + DONE

    def _answer(self, answer: ChatAnswer) -> bytes:
        chunks = []
        for index, message in enumerate(answer.messages):
            delta = {name: value for name, value in message.items() if name not in ("role", "refusal")}
            if "tool_calls" in delta:
                delta["tool_calls"] = [{"index": i, **call} for i, call in enumerate(delta["tool_calls"])]
            chunks.append(self._chunk(index, delta))
            chunks.append(self._chunk(index, {}, answer.finish_reason))
        return b"".join(chunks)

    def _chunk(self, index: int, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return event({**self._head, "choices": [choice]})
