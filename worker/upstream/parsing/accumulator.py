"""Gathers what the pieces of an answer say, whether they are stream events or one whole body."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from worker.upstream.handles import (
    Handles,
    find_generation_id,
    find_task_id,
    merge_handles,
    submitted_task_id,
    valid_task_id,
)
from worker.upstream.matching import word_set
from worker.upstream.parsing.base64_stream import (
    INLINE_LIMIT,
    Base64Extractor,
    Blobs,
    decode_text,
    encode_text,
    merge_placeholders,
)
from worker.upstream.parsing.echo_filter import strip_echoes
from worker.upstream.parsing.error_object import ErrorObject, find_error
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.image_extraction import ImageKey, find_images, image_key
from worker.upstream.parsing.json_images import (
    IMAGE_FIELDS,
    ExtractedImages,
    extract_arguments,
    extract_fields,
    extract_value,
    parse_image,
)
from worker.upstream.parsing.progress import Percent, ProgressParser
from worker.upstream.parsing.urls import is_image

# One choice of an answer, as far as it is known.


@dataclass(slots=True)
class Choice:
    """What a choice said and showed, in the order of its events."""

    runs: Base64Extractor
    blobs: Blobs
    deltas: list[str] = field(default_factory=list)
    message: str = ""
    arguments: dict[int, list[str]] = field(default_factory=dict)  # of tool calls, in pieces
    line: str = ""  # being written; for handles
    extracted: ExtractedImages = field(default_factory=ExtractedImages)
    images: list[Any] = field(default_factory=list)  # whose index tells their order, over all deltas

    def add_text(self, text: str) -> None:
        """Take more of what it says; a picture that is spelt in many deltas is decoded as it comes."""
        self.deltas.append(decode_text(self.runs.feed(encode_text(text))))

    def add_images(self, message: Mapping[str, Any]) -> str:
        """Take the pictures of a message or a delta, and return the text of its parts."""
        images = message.get("images")
        if isinstance(images, list) and all(isinstance(item, dict) and "index" in item for item in images):
            self.images += images
            message = {name: value for name, value in message.items() if name != "images"}
        self.extracted.texts.clear()
        extract_fields(message, self.extracted)
        self._add_calls(message)
        return "".join(self.extracted.texts)

    def _add_calls(self, message: Mapping[str, Any]) -> None:
        calls = message.get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else []):
            if isinstance(call, dict):
                index = call.get("index")
                self._add_call(call.get("function"), index if type(index) is int else position)
        self._add_call(message.get("function_call"), -1)

    def _add_call(self, function: object, index: int) -> None:
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if isinstance(arguments, str):
            self.arguments.setdefault(index, []).append(arguments)
        elif isinstance(arguments, dict):
            extract_arguments(arguments, self.extracted)

    def close(self) -> ExtractedImages:
        """Return what it showed, now that everything is here."""
        found = ExtractedImages()
        extract_value(self.images, found)
        self.extracted.add(found)
        for _, pieces in sorted(self.arguments.items()):
            extract_arguments("".join(pieces), self.extracted)
        return self.extracted

    @property
    def text(self) -> str:
        """What it says: its deltas, or its whole message if that says more."""
        self.deltas.append(decode_text(self.runs.close()))
        said = merge_placeholders("".join(self.deltas), self.blobs)
        return self.message if self.message and self.message.startswith(said) else said + self.message


# Watches what is said for handles, so that they are known before the answer ends.

_LONGEST_LINE = 4096  #: characters of a line that may hold links
_LONGEST_NOTE = 512  #: characters of a line that may name a task
_LONGEST_LOOK = 65_536  #: characters said so far; a first picture that comes later is not looked for
_MOST_LOOKS = 64  #: texts with more links than this, and no picture, have none


class HandleScanner:
    """Reads line by line for tasks and links. A picture's address counts only in the light of all before it.

    ``inputs`` returns the addresses of the request, which are never results; it is called when needed.
    """

    def __init__(self, inputs: Callable[[], frozenset[ImageKey]]) -> None:
        self._inputs = inputs
        self._looks = 0
        self.handles = Handles()  #: all that were seen so far

    def note(self, found: Handles) -> None:
        """Take handles that were found elsewhere."""
        if found:
            self.handles = merge_handles(self.handles, found)

    def hear(self, choice: Choice, text: str) -> None:
        """Take what a choice says now, after it was noted there."""
        head, newline, rest = text.rpartition("\n")
        linked = False
        if newline:
            for line in (choice.line + head).split("\n"):
                if len(line) < _LONGEST_LINE:
                    self.read(line + "\n")
                    linked = linked or "http" in line
            choice.line = ""
        if len(choice.line) + len(rest) < _LONGEST_LINE:
            choice.line += rest
        if linked or (")" in rest and "http" in choice.line):
            self._look(choice)

    def read(self, line: str) -> None:
        """Read one line, with its end if that is known."""
        if self.handles.task_id is None and len(line) < _LONGEST_NOTE and (task := find_task_id(line)):
            self.note(Handles(task_id=task))
        if "](" in line and ("原始数据" in line or "aw data" in line or "/source/" in line):
            self.note(Handles(poll_url=find_images(line, complete=True).poll_url))

    def show(self, pictures: Iterable[ResultImage]) -> None:
        """Take pictures that stand in fields."""
        if self.handles.seen is None:
            self._see(picture for picture in pictures if image_key(picture) not in self._inputs())

    def _look(self, choice: Choice) -> None:
        """Look whether what was said so far shows a whole picture that is no echo and no mark of progress."""
        self._looks += 1
        said = "".join(choice.deltas)
        if self.handles.seen or self._looks > _MOST_LOOKS or len(said) > _LONGEST_LOOK:
            return
        found = find_images(strip_echoes(said).text, complete=False, inputs=self._inputs())
        if found.videos:
            self.note(Handles(seen=found.videos[0]))
        elif not found.marked:
            self._see(found.pictures)

    def _see(self, pictures: Iterable[ResultImage]) -> None:
        self.note(Handles(seen=next((picture.url for picture in pictures if picture.url), None)))


_WAITING = word_set(
    "queued queueing pending in_progress inprogress processing running submitted not_start created starting"
)
_ANSWERS = word_set("choices candidates")
_REFERENCES = word_set(
    "image image_url image_urls attachments files"
)  #: beside a prompt, they are the question's
_LISTS = ("list", "items", "image_list", "imageList", "img_urls", "pictures")  #: inside a wrapper
_SPENT = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_WRAPPERS = ("data", "response", "result", "output", "payload", "body", "message")
_LONGEST_TEXT = 1024 * 1024  #: characters said at once that are read line by line: its two ends


class AnswerAccumulator:
    """Takes parsed bodies or events, in order, and keeps everything that matters in them."""

    def __init__(
        self,
        blobs: Blobs,
        *,
        inline_limit: int = INLINE_LIMIT,
        quoted: bool = False,
        inputs: Callable[[], frozenset[ImageKey]] = frozenset,
    ) -> None:
        self._blobs, self._long, self._quoted = blobs, inline_limit, quoted
        self._scanner = HandleScanner(inputs)
        self.choices: dict[int, Choice] = {}
        self.extracted = ExtractedImages()
        self.error: ErrorObject | None = None
        self.finish_reasons: list[str] = []
        self.block_reason: str | None = None
        self.refusals: list[str] = []
        self.completion_tokens: int | None = None
        self.usage: Mapping[str, Any] | None = None
        self.request_id: str | None = None
        self.waiting = False
        self.progress: list[Percent] = []
        self._progress_parser = ProgressParser()

    def add(self, body: object, *, depth: int = 0) -> None:
        """Take one parsed body, one event, or one JSON value found inside a text."""
        if self.error is None or not self.error.sure:
            self.error = find_error(body) or self.error
        if isinstance(body, list):
            if depth == 0 and all(isinstance(item, dict) and _ANSWERS & item.keys() for item in body):
                for item in body:
                    self.add(item, depth=1)
            else:
                extract_value(body, self.extracted)
        if not isinstance(body, dict) or depth > 4:
            return
        self._add_identity(body)
        if isinstance(kind := body.get("type"), str) and "." in kind:
            self._add_typed(kind, body)
        elif kind in ("content_block_delta", "content_block_start"):
            self._add_block(body.get("delta") or body.get("content_block"))
        self._add_choices(body)
        if body.get("role") == "assistant" and "choices" not in body:
            self._add_message(0, body, whole=False)
        self._add_wrapped(body, depth)

    def _add_choices(self, body: Mapping[str, Any]) -> None:
        for position, choice in enumerate(_items(body.get("choices"))):
            index = choice.get("index")
            self._add_choice(choice, index if type(index) is int else position)
        for position, candidate in enumerate(_items(body.get("candidates"))):
            self._add_finish(candidate.get("finishReason") or candidate.get("finish_reason"))
            content = candidate.get("content")
            if isinstance(content, dict):
                self._add_message(position, content, whole=False)
        feedback = body.get("promptFeedback") or body.get("prompt_feedback")
        if isinstance(details := body.get("incomplete_details"), dict):
            self._add_finish(details.get("reason"))
        if isinstance(feedback, dict):
            reason = feedback.get("blockReason") or feedback.get("block_reason")
            self.block_reason = reason if isinstance(reason, str) else self.block_reason

    def _add_choice(self, choice: Mapping[str, Any], index: int) -> None:
        self._add_finish(choice.get("native_finish_reason"))
        self._add_finish(choice.get("finish_reason"))
        self.error = self.error or (find_error(choice) if choice.get("error") else None)
        for name, whole in (("delta", False), ("message", True)):
            if isinstance(message := choice.get(name), dict):
                self._add_message(index, message, whole=whole)
            elif isinstance(message, str):
                self._add_text(index, message)
        if shown := {name: value for name, value in choice.items() if name in IMAGE_FIELDS}:
            self._show(self._choice(index), shown)
        if isinstance(text := choice.get("text"), str):
            self._add_text(index, text)

    def _add_message(self, index: int, message: Mapping[str, Any], *, whole: bool) -> None:
        choice = self._choice(index)
        for name in ("reasoning_content", "reasoning", "thinking"):
            if isinstance(thought := message.get(name), str):
                self.progress += self._progress_parser.feed(thought, source=f"reasoning {index}")
                break
        written, content = self._show(choice, message), message.get("content") or message.get("text")
        text = content if isinstance(content, str) else written
        if whole and text and choice.deltas:
            choice.message = text
        elif text:
            self._add_text(index, text)
        if isinstance(refusal := message.get("refusal"), str) and refusal:
            self.refusals.append(refusal)
        for name in ("thinking_progress", "progress"):
            self.progress += self._progress_parser.add_value(message.get(name))

    def _show(self, choice: Choice, message: Mapping[str, Any]) -> str:
        """Take the pictures of a message, and return the text of its parts."""
        before = len(choice.extracted.images)
        written = choice.add_images(message)
        self._scanner.show(choice.extracted.images[before:])
        return written

    def _choice(self, index: int) -> Choice:
        if index not in self.choices:
            self.choices[index] = Choice(Base64Extractor(self._blobs, inline_limit=self._long), self._blobs)
        return self.choices[index]

    def _add_text(self, index: int, text: str) -> None:
        choice = self._choice(index)
        choice.add_text(text)
        if len(text) > _LONGEST_TEXT:
            text = text[: _LONGEST_TEXT // 2] + "\n" + text[-_LONGEST_TEXT // 2 :]
        self.progress += self._progress_parser.feed(text, source=f"content {index}")
        self._scanner.hear(choice, text)

    def _add_finish(self, reason: object) -> None:
        if isinstance(reason, str) and reason:
            self.finish_reasons.append(reason)

    def _add_identity(self, body: Mapping[str, Any]) -> None:
        """Read ids, usage and the state of a task."""
        usage = body.get("usage") or body.get("usageMetadata")
        if isinstance(usage, dict) and usage:
            self.usage = usage
            counts = (usage.get(name) for name in _SPENT)
            self.completion_tokens = next((n for n in counts if type(n) is int), self.completion_tokens)
        for name in ("request_id", "requestId"):
            if isinstance(body.get(name), str):
                self.request_id = self.request_id or body[name] or None
        task = next(
            (body[name] for name in ("task_id", "taskId") if body.get(name)), None
        ) or submitted_task_id(body)
        status = body.get("status", body.get("task_status"))
        waits = isinstance(status, str) and status.strip().lower() in _WAITING
        if task is None and waits and "choices" not in body:
            task = body.get("id")
        self._scanner.note(Handles(task_id=valid_task_id(task)))
        self.waiting = self.waiting or waits or (bool(task) and not isinstance(status, str))
        if isinstance(generation := body.get("gen_id"), str) and (known := find_generation_id(generation)):
            self._scanner.note(Handles(gen_ids=(known,)))
        self.progress += self._progress_parser.add_value(body.get("progress"))

    def _add_typed(self, kind: str, event: Mapping[str, Any]) -> None:
        """Take an event of the Responses or the Images stream."""
        if kind.endswith("output_text.delta") and isinstance(event.get("delta"), str):
            self._add_text(0, event["delta"])
        elif kind.endswith("partial_image"):
            draft = ExtractedImages()
            extract_value(event.get("partial_image_b64") or event.get("b64_json"), draft)
            self.extracted.drafts += draft.images
        elif kind.endswith("completed") or kind.endswith("output_item.done"):
            found = ExtractedImages()
            extract_fields(event, found)
            extract_value(event.get("item"), found)
            self.extracted.add(found)
            self._add_finish("stop" if kind.endswith("completed") else None)

    def _add_block(self, block: object) -> None:
        if isinstance(block, dict) and isinstance(text := block.get("text"), str):
            self._add_text(0, text)
        elif isinstance(block, dict):
            extract_value(block, self.extracted)

    def _add_wrapped(self, body: Mapping[str, Any], depth: int) -> None:
        """Look into wrappers, and at picture fields that stand at the top."""
        typed = isinstance(body.get("type"), str) and str(body["type"]).endswith(("partial_image", ".delta"))
        if typed:
            return
        self._add_fields(body, depth)
        for name in _WRAPPERS:
            value = body.get(name)
            if isinstance(value, dict):
                self.add(value, depth=depth + 1)
            elif name in ("data", "output", "result") and isinstance(value, list):
                found = ExtractedImages()
                extract_value(value, found)
                self.extracted.add(found)
                if found.texts and not self.choices:
                    self._add_text(0, "".join(found.texts))
            elif name in ("data", "output", "result") and isinstance(value, str) and "choices" not in body:
                self._add_wrapped_text(name, value, body, depth)

    def _add_fields(self, body: Mapping[str, Any], depth: int) -> None:
        """Take the picture fields at the top of a body. Beside a prompt, some are what was sent with it."""
        fields = {name: value for name, value in body.items() if name != "content"}
        if "prompt" in body and "choices" not in body:
            fields = {name: value for name, value in fields.items() if name not in _REFERENCES}
            fields = {} if self._quoted or self._waits(body) else fields
        extract_fields(fields, self.extracted)
        for name in ("results", "urls", "generations", *(_LISTS if depth > 0 else ())):
            extract_value(body.get(name), self.extracted)
        url = body.get("url")
        if isinstance(url, str) and not {"choices", "error"} & body.keys():
            inside = (depth > 0 or self._quoted) and not self._waits(body)
            if inside or is_image(url):
                extract_value(url, self.extracted)

    def _waits(self, body: Mapping[str, Any]) -> bool:
        """Tell whether a body is about a task whose result is not here yet."""
        status = body.get("status", body.get("task_status"))
        waits = isinstance(status, str) and status.strip().lower() in _WAITING
        return waits or (status is None and any(body.get(name) for name in ("task_id", "taskId")))

    def _add_wrapped_text(self, name: str, value: str, body: Mapping[str, Any], depth: int) -> None:
        """Take a wrapper's text: JSON once more, the address of a picture, or what is said."""
        if value.lstrip()[:1] in ("{", "["):
            try:
                self.add(orjson.loads(value), depth=depth + 1)
            except ValueError:
                self._add_text(0, value)
        elif "image" in str(body.get("type")) or ("type" not in body and parse_image(value)):
            extract_value(value, self.extracted)
        elif name == "data" and not submitted_task_id(body):
            self._add_text(0, value)

    def add_embedded(self, value: object) -> list[str]:
        """Take a JSON value that stands in a text, and return the texts in it."""
        inner = AnswerAccumulator(self._blobs, inline_limit=self._long, quoted=True)
        inner.add(value)
        inner.close(complete=True)
        self.extracted.add(inner.extracted)
        self.error = self.error or inner.error
        self._scanner.note(inner.handles)
        self.waiting = self.waiting or inner.waiting
        self.finish_reasons += inner.finish_reasons
        for percent in inner.progress:
            self.progress += self._progress_parser.add_value(percent)
        return inner.texts

    @property
    def handles(self) -> Handles:
        """By what the result can be asked for later, as far as that is known."""
        return self._scanner.handles

    @property
    def texts(self) -> list[str]:
        """What the choices say, in their order."""
        return [choice.text for _, choice in sorted(self.choices.items())]

    def close(self, *, complete: bool) -> None:
        """Take the end of the answer."""
        if complete:
            self.progress += self._progress_parser.close()
        for _, choice in sorted(self.choices.items()):
            self._scanner.read(choice.line + ("\n" if complete else ""))
            self.extracted.add(choice.close())


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
