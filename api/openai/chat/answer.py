"""Answer of chat completions: the model's text, and pictures as Markdown and in ``message.images``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.openai.facts import ProviderFacts, provider_facts
from api.openai.results import JobResult, asset_facts

_STOP = "stop"


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What a job says to a chat. There is a choice for each picture where several were asked for."""

    id: str
    created: int
    model: str
    finish_reason: str
    usage: Mapping[str, Any]
    messages: Sequence[Mapping[str, Any]]  #: of each choice
    darkroom: Mapping[str, Any]

    def completion(self) -> dict[str, Any]:
        """Return the answer as one document."""
        return {
            **self.head("chat.completion"),
            "choices": [
                {"index": index, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
                for index, message in enumerate(self.messages)
            ],
            "usage": self.usage,
            "darkroom": self.darkroom,
        }

    def head(self, kind: str) -> dict[str, Any]:
        """Return the members with which a document, and each chunk of a stream, begins."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def chat_answer(result: JobResult, *, public_url: str) -> ChatAnswer:
    """Return the answer of a job that has succeeded."""
    facts = provider_facts(result)
    assets = [asset_facts(each, public_url=public_url) for each in result.assets]
    several = (result.job.request.get("n") or 1) > 1
    groups = [[each] for each in assets] if several and assets else [assets]
    text = result.job.text or ""
    messages = [_message(text if number == 0 else "", group, facts) for number, group in enumerate(groups)]
    return ChatAnswer(
        id=facts.id or completion_id(result.id),
        created=facts.created or int(result.job.created_at.timestamp()),
        model=facts.model or result.job.model,
        finish_reason=facts.finish_reason or _STOP,
        usage=facts.usage,
        messages=messages,
        darkroom={"job": result.id, "assets": assets},
    )


def completion_id(job: str) -> str:
    """Return the id of a completion whose provider gave none."""
    return f"chatcmpl-{job.removeprefix('job_')}"


def _message(text: str, assets: Sequence[Mapping[str, Any]], facts: ProviderFacts) -> dict[str, Any]:
    pictures = "\n\n".join(f"![image]({each['url']})" for each in assets)
    content = "\n\n".join(filter(None, (text, pictures)))
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if assets:
        message["images"] = [
            {"type": "image_url", "image_url": {"url": each["url"]}, "index": index}
            for index, each in enumerate(assets)
        ]
    if facts.tool_calls:
        message |= {"tool_calls": list(facts.tool_calls), "content": content or None}
    return message
