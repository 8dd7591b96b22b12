"""Successful responses: messages with images, videos or text, as a JSON document or an event stream."""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from models.clock import now
from worker.practice.request_options import Delivery, ProgressStyle
from worker.practice.request_parser import ParsedRequest, is_text_model
from worker.practice.script import EVENTS, PING, Script, Step

_PERCENTS = (7, 18, 34, 58, 79)


def progress_lines(style: ProgressStyle) -> tuple[str, ...]:
    """Return the progress lines of a stream in a relay's style; they are sent at even intervals."""
    match style:
        case "percent":
            return (
                "> 🕐 排队中...\n\n",
                "> ⚡ 生成中...\n\n",
                *(f"> 进度 **{share}%**\n\n" for share in _PERCENTS),
            )
        case "cumulative":
            first, *others = _PERCENTS
            queue = ">🕐 Queuing...\n\n>⚡ Generating...\n\n>🏃 Progress "
            return (queue + str(first), *(f"..{share}" for share in others))
        case "sentences":
            return (
                "🎨 图像生成中，请稍候...\n\n",
                "Image generation in progress... (20s elapsed)\n\n",
                "Image generation in progress... (40s elapsed)\n\n",
            )
        case "none":
            return ()


def final_line(style: ProgressStyle, url: str | None) -> str:
    """Return the last progress line; in one style its ``100`` links to the image."""
    match style:
        case "percent":
            return "> 进度 **100%**\n\n> ✅ 生成完成\n\n"
        case "cumulative":
            return (
                f"..[100]({url})\n\n> ✅ Generation complete\n\n"
                if url
                else "..100\n\n> ✅ Generation complete\n\n"
            )
        case "sentences":
            return "Image generation complete.\n\n"
        case "none":
            return ""


LINKED_DELIVERIES: frozenset[Delivery] = frozenset(
    ("markdown_url", "download_link", "parts")
)  #: the others are inline
_USAGE = {"prompt_tokens": 21, "completion_tokens": 1056, "total_tokens": 1077}


@dataclass(frozen=True, slots=True)
class Message:
    """Message of the model: content, further members, and the URL of its first image."""

    content: str | list[dict[str, Any]]
    members: dict[str, Any] = field(default_factory=dict)
    url: str | None = None


def to_base64(png: bytes) -> str:
    """Return bytes as base64 text."""
    return binascii.b2a_base64(png, newline=False).decode("ascii")


def linked_message(deliver: Delivery, urls: Sequence[str]) -> Message:
    """Return a message with images by URL."""
    match deliver:
        case "download_link":
            links = (f"[下载{number}]({url})" for number, url in enumerate(urls, 1))
            return Message("\n".join(links), url=urls[0])
        case "parts":
            pictures = ({"type": "image_url", "image_url": {"url": url}} for url in urls)
            return Message([{"type": "text", "text": "Here it is."}, *pictures], url=urls[0])
        case _:
            return Message("\n\n".join(f"![image]({url})" for url in urls), url=urls[0])


def video_message(urls: Sequence[str]) -> Message:
    """Return a message with videos by URL, as most relays send them."""
    links = (f"[▶️ Watch the video]({url})" for url in urls)
    return Message("\n".join(links), url=urls[0])


def inline_message(deliver: Delivery, pictures: Sequence[bytes]) -> Message:
    """Return a message with inline images, as base64."""
    data = [f"data:image/png;base64,{to_base64(png)}" for png in pictures]
    if deliver == "images_field":
        images = [
            {"type": "image_url", "image_url": {"url": url}, "index": index} for index, url in enumerate(data)
        ]
        return Message("Here it is.", {"images": images})
    return Message("\n\n".join(f"![image_{number}]({url})" for number, url in enumerate(data, 1)))


def b64_json_body(pictures: Sequence[bytes]) -> bytes:
    """Return the body of an images endpoint, which some relays send as their whole response."""
    entries = [{"b64_json": to_base64(png)} for png in pictures]
    return orjson.dumps({"created": int(now().timestamp()), "data": entries})


def _frame(number: int, model: str, *, kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    created = int(now().timestamp())
    return {
        "id": f"chatcmpl-{number}",
        "object": kind,
        "created": created,
        "model": model,
        "choices": [choice],
    }


def completion_body(message: Message, *, number: int, model: str) -> bytes:
    """Return the JSON body of a chat completion."""
    message_json = {"role": "assistant", "content": message.content, **message.members}
    choice = {"index": 0, "message": message_json, "finish_reason": "stop"}
    return orjson.dumps(_frame(number, model, kind="chat.completion", choice=choice) | {"usage": _USAGE})


def document_script(body: bytes, *, delay: float) -> Script:
    """Plan a response that is sent at once."""
    return Script((Step(delay, body),))


def stream_script(message: Message, *, number: int, model: str, style: ProgressStyle, delay: float) -> Script:
    """Plan a stream of progress lines that ends with the message."""

    def event(member: str, value: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, member: value, "finish_reason": finish}
        frame = _frame(number, model, kind="chat.completion.chunk", choice=choice)
        return b"data: %b\n\n" % orjson.dumps(frame)

    lines = progress_lines(style)
    pause = delay / (len(lines) + 1)
    steps = [Step(0, PING), Step(0, event("delta", {"role": "assistant", "content": ""}))]
    steps += [Step(pause, event("delta", {"content": line})) for line in lines]
    steps.append(
        Step(pause, event("delta", {"content": final_line(style, message.url)}) if style != "none" else b"")
    )
    member = "delta" if isinstance(message.content, str) else "message"  # parts are sent as a whole message
    steps.append(Step(0, event(member, {"content": message.content, **message.members})))
    steps.append(Step(0, event("delta", {}, "stop")))
    return Script((*steps, Step(0, b"data: [DONE]\n\n")), content_type=EVENTS)


def partial_images_script(pictures: Sequence[bytes], partials: int, *, delay: float) -> Script:
    """Plan a stream of the images API: partial pictures at even intervals, then the pictures.

    A partial one is a whole picture here: of what it shows, nothing depends on it.
    """

    def event(kind: str, png: bytes, **members: Any) -> bytes:
        content = {"type": f"image_generation.{kind}", "b64_json": to_base64(png), **members}
        return b"event: image_generation.%b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(content))

    pause = delay / (partials + 1)
    shown = [event("partial_image", pictures[0], partial_image_index=number) for number in range(partials)]
    ends = [event("completed", png, usage={"input_tokens": 21, "output_tokens": 1056}) for png in pictures]
    steps = [*(Step(pause, each) for each in shown), Step(pause, b"".join(ends))]
    return Script(tuple(steps), content_type=EVENTS)


# Text replies

_PROMPT_TEMPLATES = (
    "{0}, soft morning light, wide angle, calm colours",
    "A detailed illustration of {0}, ink and watercolour",
    "{0}, close-up, shallow depth of field, film grain",
    "A minimalist poster of {0}, flat shapes, two colours",
)
_MAX_SUBJECT = 80  # characters of the subject of these prompts


def text_reply(request: ParsedRequest) -> str | None:
    """Return the text to answer with; ``None`` if the response has images.

    It is the option ``says``, or four numbered prompts if the model answers in text.
    """
    if request.options.says is not None:
        return request.options.says
    if not is_text_model(request.model):
        return None
    lines = [line.strip() for line in (request.input_prompt or request.caption).splitlines() if line.strip()]
    subject = (lines[-1] if lines else "a quiet scene")[:_MAX_SUBJECT]
    return "\n\n".join(
        f"{number}. {template.format(subject)}" for number, template in enumerate(_PROMPT_TEMPLATES, 1)
    )
