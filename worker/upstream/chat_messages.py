"""Messages of a chat for a provider: as their client wrote them, unless the provider takes them otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.request import ImageRequest, TextPart, has_image
from worker.upstream.presets.preset import Preset

_SYSTEM = "system"
_ONLY_CHATS = frozenset(
    {
        *("temperature", "top_p", "modalities", "tools", "tool_choice", "max_tokens", "stop", "logprobs"),
        *("max_completion_tokens", "response_format", "frequency_penalty", "presence_penalty", "top_k"),
        *("logit_bias", "parallel_tool_calls", "reasoning_effort", "max_output_tokens", "store"),
    }
)
"""Members of chat completions that the images API refuses."""


def chat_messages(chat: Sequence[Mapping[str, Any]], preset: Preset) -> list[dict[str, Any]]:
    """Return the messages with the preset's system message, and their contents in its style."""
    messages = [_styled(dict(message), preset) for message in chat]
    if preset.image_style == "member":
        messages = [_without_images(message) for message in messages]
    if preset.system is not None:
        messages.insert(0, _styled({"role": _SYSTEM, "content": preset.system}, preset))
    return messages


def last_images(chat: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the URLs of the images of the user's last message that has any."""
    for message in reversed(chat):
        if message.get("role") == "user" and (urls := _urls(message)):
            return urls
    return []


def as_prompt(request: ImageRequest) -> ImageRequest:
    """Return a conversation as one prompt with all its images, for an endpoint that takes no messages.

    The prompt has what the system and the user said, in order; members that only chats have are left out.
    """
    if not (request.chat or request.messages or request.system):
        return request
    if request.chat:
        spoken = (message for message in request.chat if message.get("role") != "assistant")
        texts = [text for message in spoken for text in texts_of(message)]
    else:
        turns = (turn for turn in request.messages if turn.role == "user")
        parts = (part.text for turn in turns for part in turn.parts if isinstance(part, TextPart))
        texts = [*filter(None, (request.system,)), *parts, request.prompt]
    images = request.input_images[:-1] if request.mask else request.input_images
    return replace(
        request,
        prompt="\n\n".join(filter(str.strip, texts)) or request.prompt,
        images=tuple(images),
        params={name: value for name, value in request.params.items() if name not in _ONLY_CHATS},
        system=None,
        messages=(),
        chat=(),
    )


def texts_of(message: Mapping[str, Any]) -> list[str]:
    """Return the texts of a message."""
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in _parts(message) if isinstance(part.get("text"), str)]


def _styled(message: dict[str, Any], preset: Preset) -> dict[str, Any]:
    content, style = message.get("content"), preset.content_style
    if style == "parts" and isinstance(content, str) and message.get("role") == "user":
        return {**message, "content": [{"type": "text", "text": content}]}
    if not isinstance(content, list):
        return message
    if style == "string":  # with plain strings, URLs of input images precede the text
        return {**message, "content": " ".join((*_urls(message), *texts_of(message)))}
    if style == "images_first":
        return {**message, "content": sorted(content, key=lambda part: not has_image(part))}
    return message


def _without_images(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [part for part in content if not has_image(part)]}


def _urls(message: Mapping[str, Any]) -> list[str]:
    images = (part["image_url"] for part in _parts(message) if has_image(part))
    return [str(image["url"] if isinstance(image, Mapping) else image) for image in images]


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
