"""Accumulate parsed bodies or stream events into choices, images, handles, error and progress.

``Choice`` holds one choice of the answer, ``HandleScanner`` finds handles while the answer streams, and
``AnswerAccumulator`` knows where each provider family puts its members.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import orjson

from models.money.usage import told_cost
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
    ImageSearch,
    extract_arguments,
    extract_fields,
    extract_value,
    has_content,
    index_of,
    is_draft,
    parse_image,
)
from worker.upstream.parsing.progress import Percent, ProgressParser
from worker.upstream.parsing.task_state import ProviderTask, TaskStage, is_address, percent_of, read_task
from worker.upstream.parsing.urls import is_image
from worker.upstream.safety_members import withheld_reasons

_PENDING = word_set(
    "queued queueing pending in_progress inprogress processing running submitted not_start created starting"
)
_ANSWER_MEMBERS = word_set("choices candidates")
_REFERENCES = word_set("image image_url image_urls attachments files")  #: the request's, beside a prompt
_LIST_FIELDS = ("list", "items", "image_list", "imageList", "img_urls", "pictures")  #: inside a wrapper
_TOKEN_FIELDS = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_LONGEST = 40  # characters of a size or a quality
_LONGEST_STATED = 200  # characters of an id or the name of a model
_WRAPPERS = ("data", "response", "result", "output", "payload", "body", "message")
_CHAT_MEMBERS = word_set("choices candidates")
#: members of a message that are read, or are never results
_MESSAGE_MEMBERS = frozenset(
    word_set(
        "role content refusal tool_calls function_call annotations citations audio name text parts prefix"
    )
    | word_set("reasoning_content reasoning reasoning_details thinking thinking_progress progress logprobs")
    | {*IMAGE_FIELDS, "video", "video_url", "videos"}
)
#: members that hold the text of the model where there are no choices
_TEXT_MEMBERS = (
    "answer",
    "text",
    "output_text",
    "generated_text",
    "completion",
    "reply",
    "response",
    "content",
)
_TYPED_STREAMS = (
    "response.",
    "image_generation.",
    "image_edit.",
)  #: OpenAI's; their ids are no tasks
#: members of a chunk of a chat's stream that shows nothing but its choices, and of a delta with plain text
_PLAIN_CHUNK = frozenset(word_set("id object created model system_fingerprint service_tier choices"))
_PLAIN_DELTA = frozenset(word_set("role content"))
_IMAGE_FIELDS = frozenset(IMAGE_FIELDS)
_MAX_UNREAD = 1000  #: bodies and messages that are kept for the search for images
_MAX_TEXT = 1024 * 1024  #: characters of one text scanned for handles and progress: its two ends
_MAX_LINK_LINE = 4096  #: characters of a line that is searched for links
_MAX_TASK_LINE = 512  #: characters of a line that is searched for a task id
_MAX_IMAGE_SEARCH = 65_536  #: characters of text so far; later, no first image is searched for
_MAX_CALLS = 128  #: tool calls of one choice
_MAX_IMAGE_SEARCHES = 64  #: searches for the first image per answer


@dataclass(slots=True)
class Choice:
    """One choice of an answer: its text, tool calls and images, in the order of its events."""

    extractor: Base64Extractor
    blobs: Blobs
    deltas: list[str] = field(default_factory=list)
    message: str = ""
    arguments: dict[int, list[str]] = field(default_factory=dict)  # of tool calls, by index, in parts
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)  # tool calls by index, without arguments
    line: str = ""  # the incomplete last one, for ``HandleScanner``
    extracted: ExtractedImages = field(default_factory=ExtractedImages)
    images: list[Any] = field(default_factory=list)  # sorted by their index over all deltas

    def add_images(self, message: Mapping[str, Any]) -> str:
        """Add the images of a message or a delta; return the text of its parts."""
        images = message.get("images")
        if isinstance(images, list) and all(isinstance(item, dict) and "index" in item for item in images):
            self.images += images
            message = {name: value for name, value in message.items() if name != "images"}
        self.extracted.texts.clear()
        extract_fields(message, self.extracted)
        if message.get("tool_calls") or message.get("function_call"):
            self._add_calls(message)
        return "".join(self.extracted.texts)

    def _add_calls(self, message: Mapping[str, Any]) -> None:
        calls = message.get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else []):
            if isinstance(call, dict):
                index = call.get("index")
                index = index if type(index) is int else position
                self._note_call(call, index)
                self._add_call(call.get("function"), index)
        self._add_call(message.get("function_call"), -1)

    def _note_call(self, call: Mapping[str, Any], index: int) -> None:
        """Keep id, type and name of a tool call; a stream sends them once."""
        known = self.calls.setdefault(index, {}) if len(self.calls) < _MAX_CALLS else {}
        function = call.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        given = {"id": call.get("id"), "type": call.get("type"), "name": name}
        known |= {key: text for key, text in given.items() if isinstance(text, str) and text}

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The tool calls of the choice, as OpenAI writes them."""
        return [
            {
                "id": call.get("id", f"call_{index}"),
                "type": call.get("type", "function"),
                "function": {"name": call["name"], "arguments": "".join(self.arguments.get(index, ()))},
            }
            for index, call in sorted(self.calls.items())
            if "name" in call
        ]

    def _add_call(self, function: object, index: int) -> None:
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if isinstance(arguments, str):
            self.arguments.setdefault(index, []).append(arguments)
        elif isinstance(arguments, dict):
            extract_arguments(arguments, self.extracted)

    def close(self) -> ExtractedImages:
        """Take the end of the answer; return the images of the choice."""
        found = ExtractedImages()
        extract_value(self.images, found)
        self.extracted.add(found)
        for _, parts in sorted(self.arguments.items()):
            extract_arguments("".join(parts), self.extracted)
        return self.extracted

    @property
    def text(self) -> str:
        """The text of its deltas, or of its whole message if that is longer."""
        self.deltas.append(decode_text(self.extractor.close()))
        text = "".join(self.deltas)
        if self.blobs:
            text = merge_placeholders(text, self.blobs)
        return self.message if self.message and self.message.startswith(text) else text + self.message


class HandleScanner:
    """Finds task ids, poll URLs and the first image in text that streams past, line by line.

    Whether an image URL counts depends on all text before it. ``inputs`` returns the image keys of the
    request, which are never results; it is called only when needed.
    """

    def __init__(self, inputs: Callable[[], frozenset[ImageKey]]) -> None:
        self._inputs = inputs
        self._image_searches = 0
        self.handles = Handles()  #: all that were found so far

    def note(self, found: Handles) -> None:
        """Add handles that were found elsewhere."""
        if found:
            self.handles = merge_handles(self.handles, found)

    def feed(self, choice: Choice, text: str) -> None:
        """Scan text that has just been added to a choice."""
        head, newline, rest = text.rpartition("\n")
        linked = False
        if newline:
            for line in (choice.line + head).split("\n"):
                if len(line) < _MAX_LINK_LINE:
                    self.feed_line(line + "\n")
                    linked = linked or "http" in line
            choice.line = ""
        if len(choice.line) + len(rest) < _MAX_LINK_LINE:
            choice.line += rest
        if linked or (")" in rest and "http" in choice.line):
            self._find_image(choice)

    def feed_line(self, line: str) -> None:
        """Scan one line, with its line end if it is complete."""
        if self.handles.task_id is None and len(line) < _MAX_TASK_LINE and (task := find_task_id(line)):
            self.note(Handles(task_id=task))
        if "](" in line and ("原始数据" in line or "aw data" in line or "/source/" in line):
            self.note(Handles(poll_url=find_images(line, complete=True).poll_url))

    def add_images(self, images: Iterable[ResultImage]) -> None:
        """Take images found in JSON fields."""
        if self.handles.seen is None:
            urls = (image.url for image in images if image.url and image_key(image) not in self._inputs())
            self.note(Handles(seen=next(urls, None)))

    def _find_image(self, choice: Choice) -> None:
        """Search the text so far for a complete image, without echoes and progress links."""
        self._image_searches += 1
        text = "".join(choice.deltas)
        if self.handles.seen or self._image_searches > _MAX_IMAGE_SEARCHES or len(text) > _MAX_IMAGE_SEARCH:
            return
        found = find_images(strip_echoes(text).text, complete=False, inputs=self._inputs())
        images = () if found.only_progress else found.images
        urls = (*found.videos, *(image.url for image in images))
        self.note(Handles(seen=next(filter(None, urls), None)))


class AnswerAccumulator:
    """Collects everything that matters from parsed bodies or events, in order."""

    def __init__(
        self,
        blobs: Blobs,
        *,
        inline_limit: int = INLINE_LIMIT,
        embedded: bool = False,
        inputs: Callable[[], frozenset[ImageKey]] = frozenset,
    ) -> None:
        self._blobs, self._inline_limit, self._embedded = blobs, inline_limit, embedded
        self.scanner = HandleScanner(inputs)
        self.choices: dict[int, Choice] = {}
        self.extracted = ExtractedImages()
        self.error: ErrorObject | None = None
        self.finish_reasons: list[str] = []
        self.block_reason: str | None = None
        self.refusals: list[str] = []
        self.withheld: list[str] = []  #: what members about safety say
        self.completion_tokens: int | None = None
        self.usage: Mapping[str, Any] | None = None
        self.told_cost: Decimal | None = None
        self.made: dict[str, str] = {}  #: size and quality that the provider states
        self.request_id: str | None = None
        self.stated: dict[str, str | int] = {}  #: id, model and time that an answer with choices states
        self.waiting = False
        self.task: ProviderTask | None = None  #: the latest state of a task that the answer shows
        self.content = False  #: there is something besides formal members, and no choices
        self.searched = False  #: the images are from the search in members that no rule names
        self._unread: list[object] = []  # bodies and messages with members that no rule names
        self._indexed: list[tuple[int, ExtractedImages]] = []  # images of events that state their index
        self.progress: list[Percent] = []
        self._progress_parser = ProgressParser()

    def add(self, body: object) -> None:
        """Add one parsed body, one event, or one JSON value found in a text."""
        if isinstance(body, dict) and "choices" in body and _is_plain(body):
            self._note_statements(body)
            self._add_choice_list(body["choices"])
            return
        self._note_error(body)
        if isinstance(body, dict) and not _CHAT_MEMBERS.isdisjoint(body):
            self._add(body, 0)
            return
        typed = isinstance(body, dict) and str(body.get("type")).startswith(_TYPED_STREAMS)
        task = None if typed else read_task(body)
        if task is not None:
            self._note_task(task)
            body = task.cleaned
        before, self.extracted = self.extracted, ExtractedImages()
        self._add(body, 0, typed=typed)
        found, self.extracted = self.extracted, before
        if task is not None and task.drafts:  # a task that runs shows previews
            before.drafts += found.images
            found.images = []
        index = index_of(body) if isinstance(body, dict) else None
        if index is None:
            before.add(found)
        else:
            self._indexed.append((index, found))

    def note_location(self, location: str, *, empty: bool) -> None:
        """Take the ``Location`` of an answer that is ``empty`` or shows a task; of others it is no handle."""
        if is_address(location) and (self.waiting or empty):
            self.scanner.note(Handles(task_urls=(location,)))
            self.waiting = True

    def _note_error(self, body: object) -> None:
        if self.error is None or not self.error.sure:
            self.error = find_error(body) or self.error

    def _note_task(self, task: ProviderTask) -> None:
        """Take the state of a task, with its handles and progress."""
        if len(self._unread) < _MAX_UNREAD:
            self._unread.append(task.cleaned)
        if task.progress is not None:
            self.progress += self._progress_parser.add_value(task.progress)
        self.scanner.note(Handles(task_id=task.task_id, task_urls=task.addresses))
        if task.stage is TaskStage.UNSTATED:
            self.waiting = self.waiting or bool(task.addresses)
            self.task = self.task or task
        else:
            self.task = task

    def _add(self, body: object, depth: int, *, typed: bool = False) -> None:
        if depth > 0:
            self._note_error(body)
        if isinstance(body, list):
            if depth == 0 and all(isinstance(item, dict) and _ANSWER_MEMBERS & item.keys() for item in body):
                for item in body:
                    self._add(item, 1)
            else:
                extract_value(body, self.extracted)
        if not isinstance(body, dict) or depth > 4:
            return
        self._add_metadata(body, tasks=not typed)
        if depth == 0 and not typed and not self._embedded:
            self.withheld += withheld_reasons(body)
        if isinstance(kind := body.get("type"), str) and "." in kind:
            self._add_typed(kind, body)
        elif kind in ("content_block_delta", "content_block_start"):
            self._add_block(body.get("delta") or body.get("content_block"))
        self._add_choices(body)
        if body.get("role") == "assistant" and "choices" not in body:
            self._add_message(0, body, whole=False)
        elif depth < 2 and "choices" not in body and not (isinstance(kind, str) and "." in kind):
            self._add_text_members(body)
        self._add_wrapped(body, depth, typed=typed)

    def _add_text_members(self, body: Mapping[str, Any]) -> None:
        """Add the text of the model from a body without choices."""
        for name in _TEXT_MEMBERS:
            text = body.get(name)
            if isinstance(text, str) and text and text[:1] not in ("{", "[") and not parse_image(text):
                self._add_text(0, text)
                self.waiting = False

    def _add_choices(self, body: Mapping[str, Any]) -> None:
        self._add_choice_list(body.get("choices"))
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

    def _add_choice_list(self, choices: object) -> None:
        for position, choice in enumerate(_items(choices)):
            index = choice.get("index")
            self._add_choice(choice, index if type(index) is int else position)

    def _add_choice(self, choice: Mapping[str, Any], index: int) -> None:
        self._add_finish(choice.get("native_finish_reason"))
        self._add_finish(choice.get("finish_reason"))
        if "content_filter_results" in choice:
            self.withheld += withheld_reasons(choice)
        self.error = self.error or (find_error(choice) if choice.get("error") else None)
        for name, whole in (("delta", False), ("message", True)):
            if isinstance(message := choice.get(name), dict):
                self._add_message(index, message, whole=whole)
            elif isinstance(message, str):
                self._add_text(index, message)
        if fields := {name: value for name, value in choice.items() if name in _IMAGE_FIELDS}:
            self._add_images(self._choice(index), fields)
        if isinstance(text := choice.get("text"), str):
            self._add_text(index, text)

    def _add_message(self, index: int, message: Mapping[str, Any], *, whole: bool) -> None:
        choice = self._choice(index)
        if message.keys() <= _PLAIN_DELTA and isinstance(plain := message.get("content", ""), str):
            choice.extracted.texts.clear()
            self._add_content(choice, index, plain, whole=whole)
            return
        for name in ("reasoning_content", "reasoning", "thinking"):
            if isinstance(thought := message.get(name), str):
                self.progress += self._progress_parser.feed(thought, source=f"reasoning {index}")
                break
        if unknown := message.keys() - _MESSAGE_MEMBERS:
            self._unread.append({name: message[name] for name in unknown})
        text, content = self._add_images(choice, message), message.get("content") or message.get("text")
        self._add_content(choice, index, content if isinstance(content, str) else text, whole=whole)
        if isinstance(refusal := message.get("refusal"), str) and refusal:
            self.refusals.append(refusal)
        for name in ("thinking_progress", "progress"):
            self.progress += self._progress_parser.add_value(message.get(name))

    def _add_content(self, choice: Choice, index: int, text: str, *, whole: bool) -> None:
        if whole and text and choice.deltas:
            choice.message = text
        elif text:
            self._add_text(index, text)

    def _add_images(self, choice: Choice, message: Mapping[str, Any]) -> str:
        """Add the images of a message; return the text of its parts."""
        before = len(choice.extracted.images)
        text = choice.add_images(message)
        if found := choice.extracted.images[before:]:
            self.scanner.add_images(found)
        return text

    def _choice(self, index: int) -> Choice:
        if index not in self.choices:
            self.choices[index] = Choice(
                Base64Extractor(self._blobs, inline_limit=self._inline_limit), self._blobs
            )
        return self.choices[index]

    def _add_text(self, index: int, text: str) -> None:
        choice = self._choice(index)
        choice.deltas.append(decode_text(choice.extractor.feed(encode_text(text))))
        if len(text) > _MAX_TEXT:
            text = text[: _MAX_TEXT // 2] + "\n" + text[-_MAX_TEXT // 2 :]
        self.progress += self._progress_parser.feed(text, source=f"content {index}")
        self.scanner.feed(choice, text)

    def _add_finish(self, reason: object) -> None:
        if isinstance(reason, str) and reason:
            self.finish_reasons.append(reason)

    def _add_metadata(self, body: Mapping[str, Any], *, tasks: bool) -> None:
        """Read request and task ids, usage, and whether the task is pending."""
        if "choices" in body:
            self._note_statements(body)
        usage = body.get("usage") or body.get("usageMetadata")
        if isinstance(usage, dict) and usage:
            self.usage = usage
            counts = (usage.get(name) for name in _TOKEN_FIELDS)
            self.completion_tokens = next((n for n in counts if type(n) is int), self.completion_tokens)
        self.told_cost = told_cost(body) or self.told_cost
        if "data" in body or "b64_json" in body:  # of the Images API, which states what ``auto`` came to
            stated = ((name, body.get(name)) for name in ("size", "quality"))
            self.made |= {
                name: text for name, text in stated if isinstance(text, str) and len(text) <= _LONGEST
            }
        for name in ("request_id", "requestId"):
            if isinstance(body.get(name), str):
                self.request_id = self.request_id or body[name] or None
        if isinstance(gen_id := body.get("gen_id"), str) and (generation_id := find_generation_id(gen_id)):
            self.scanner.note(Handles(gen_ids=(generation_id,)))
        if "progress" in body and (percent := percent_of(body["progress"])) is not None:
            self.progress += self._progress_parser.add_value(percent)
        if not tasks:
            return
        task = next(
            (body[name] for name in ("task_id", "taskId") if body.get(name)), None
        ) or submitted_task_id(body)
        status = body.get("status", body.get("task_status"))
        pending = isinstance(status, str) and status.strip().lower() in _PENDING
        if task is None and pending and "choices" not in body:
            task = body.get("id")
        self.scanner.note(Handles(task_id=valid_task_id(task)))
        self.waiting = self.waiting or pending or (bool(task) and not isinstance(status, str))

    def _note_statements(self, body: Mapping[str, Any]) -> None:
        """Note what an answer with choices states of itself."""
        for name in ("id", "model", "created", "system_fingerprint"):
            if isinstance(value := body.get(name), str | int) and len(str(value)) <= _LONGEST_STATED:
                self.stated[name] = value

    def _add_typed(self, kind: str, event: Mapping[str, Any]) -> None:
        """Add an event of a Responses or Images API stream."""
        if kind.endswith("output_text.delta") and isinstance(event.get("delta"), str):
            self._add_text(0, event["delta"])
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

    def _add_draft(self, body: Mapping[str, Any]) -> None:
        draft = ExtractedImages()
        extract_fields(body, draft)
        for name in ("partial_image_b64", "url"):
            extract_value(body.get(name), draft)
        self.extracted.drafts += draft.images or draft.drafts

    def _add_wrapped(self, body: Mapping[str, Any], depth: int, *, typed: bool = False) -> None:
        """Read top-level image fields, and the objects and lists inside wrappers."""
        kind = body.get("type")
        if "choices" not in body and is_draft(body):
            self._add_draft(body)
            return
        if isinstance(kind, str) and kind.endswith(".delta"):
            return
        self._add_image_fields(body, depth)
        for name in _WRAPPERS:
            value = body.get(name)
            if isinstance(value, dict):
                self._add(value, depth + 1, typed=typed)
            elif name in ("data", "output", "result") and isinstance(value, list):
                found = ExtractedImages()
                extract_value(value, found)
                self.extracted.add(found)
                if found.texts and not self.choices:
                    self._add_text(0, "".join(found.texts))
            elif name in ("data", "output", "result") and isinstance(value, str) and "choices" not in body:
                self._add_wrapped_text(name, value, body, depth)

    def _add_image_fields(self, body: Mapping[str, Any], depth: int) -> None:
        """Add the top-level image fields of a body; beside a prompt, some repeat the request."""
        fields = {name: value for name, value in body.items() if name != "content"}
        if "prompt" in body and "choices" not in body:
            fields = {name: value for name, value in fields.items() if name not in _REFERENCES}
            fields = {} if self._embedded or self._is_pending(body) else fields
        extract_fields(fields, self.extracted)
        for name in ("results", "urls", "generations", *(_LIST_FIELDS if depth > 0 else ())):
            extract_value(body.get(name), self.extracted)
        url = body.get("url")
        if isinstance(url, str) and not {"choices", "error"} & body.keys():
            inside = (depth > 0 or self._embedded) and not self._is_pending(body)
            if inside or is_image(url):
                extract_value(url, self.extracted)

    def _is_pending(self, body: Mapping[str, Any]) -> bool:
        """Return whether a body describes a task without a result yet."""
        status = body.get("status", body.get("task_status"))
        pending = isinstance(status, str) and status.strip().lower() in _PENDING
        return pending or (status is None and any(body.get(name) for name in ("task_id", "taskId")))

    def _add_wrapped_text(self, name: str, value: str, body: Mapping[str, Any], depth: int) -> None:
        """Add the text of a wrapper: nested JSON, the URL of an image, or text of the model."""
        if value.lstrip()[:1] in ("{", "["):
            try:
                self._add(orjson.loads(value), depth + 1)
            except ValueError:
                self._add_text(0, value)
        elif "image" in str(body.get("type")) or ("type" not in body and parse_image(value)):
            extract_value(value, self.extracted)
        elif name == "data" and not submitted_task_id(body):
            self._add_text(0, value)

    def add_embedded(self, value: object) -> list[str]:
        """Add a JSON value found in a text; return the texts in it."""
        inner = AnswerAccumulator(self._blobs, inline_limit=self._inline_limit, embedded=True)
        inner.add(value)
        inner.close(complete=True)
        self.extracted.add(inner.extracted)
        self.error = self.error or (inner.error and replace(inner.error, embedded=True))
        self.scanner.note(inner.scanner.handles)
        self.waiting = self.waiting or inner.waiting
        self.task = self.task or inner.task
        self.finish_reasons += inner.finish_reasons
        for percent in inner.progress:
            self.progress += self._progress_parser.add_value(percent)
        return inner.texts

    @property
    def texts(self) -> list[str]:
        """The texts of the choices, in order."""
        return [choice.text for _, choice in sorted(self.choices.items())]

    def close(self, *, complete: bool) -> None:
        """Take the end of the answer."""
        if complete:
            self.progress += self._progress_parser.close()
        for _, choice in sorted(self.choices.items()):
            self.scanner.feed_line(choice.line + ("\n" if complete else ""))
            self.extracted.add(choice.close())
        if self._indexed:
            others, self.extracted = self.extracted, ExtractedImages()
            for _, found in sorted(self._indexed, key=lambda pair: pair[0]):
                self.extracted.add(found)
            self.extracted.add(others)
        if self.task is not None and self.task.stage is not TaskStage.UNSTATED:
            self.waiting = self.task.stage is TaskStage.RUNNING
        self.content = not self.choices and any(map(has_content, self._unread))
        if self._unread and not (self.extracted.images or self.extracted.videos or self.extracted.relative):
            self._search()

    def _search(self) -> None:
        """Search the members that no rule names, where the others show no image."""
        if self.task is not None and self.task.stage in (TaskStage.FAILED, TaskStage.RUNNING):
            return
        finished = self.task is not None and self.task.stage is TaskStage.DONE
        search = ImageSearch(finished=finished)
        for value in self._unread:
            search.add(value)
        self.extracted.add(search.extracted)
        self.searched = bool(search.extracted.images or search.extracted.videos)
        for text in search.extracted.texts:
            self._add_text(0, text)


def _is_plain(body: Mapping[str, Any]) -> bool:
    """Return whether a chunk with choices has no member that says anything besides them."""
    return body.keys() <= _PLAIN_CHUNK and body.get("object") != "error"


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
