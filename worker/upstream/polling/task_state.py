"""Find a task in a provider's response: its state, progress, failure reason and result members."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from worker.upstream.matching import word_set
from worker.upstream.parsing.progress import Percent, ProgressParser
from worker.upstream.parsing.urls import is_document, is_http_url

_MAX_DEPTH = 8
_WRAPPERS = ("data", "task", "result", "response", "output", "payload", "job", "body")
_STATE_FIELDS = ("status", "state", "task_status", "taskStatus", "task_state", "job_status", "stage")
_PROGRESS_FIELDS = ("progress", "percent", "percentage", "progress_percent", "progressPercent")
#: reasons which only a task has
_FAILURE_FIELDS = (
    *("failure_reason", "fail_reason", "failureReason", "failReason", "failed_reason", "fail_msg", "failMsg"),
    *("failure_code", "failure_message", "failureMessage", "task_status_msg"),
)
_REASON_FIELDS = (
    *_FAILURE_FIELDS,
    *("error", "error_message", "errorMessage", "error_msg", "err_msg", "status_msg", "error_code"),
    *("errorCode", "reason", "detail", "message", "msg"),
)
_ID_FIELDS = ("task_id", "taskId", "id", "running")
#: members by which an object is known to be a task
_TASK_FIELDS = (
    *_ID_FIELDS,
    *_PROGRESS_FIELDS,
    *("urls", "generations", "images", "video_url", "retry_count"),
)

_DONE_WORDS = word_set("completed complete succeeded succeed success successful done finished finish ready")
_FAILED_WORDS = word_set(
    "failed failure fail error errored cancelled canceled timeout timedout timed rejected refused blocked "
    "moderated aborted terminated expired"
)
_POLL_STATES = word_set("error fail")  #: may be the state of the poll instead of the task
_NEGATIONS = word_set("not in un almost")
_MISSING = re.compile(r"not[_ ]?(?:found|exist)|unknown[_ ]task|no such|不存在|找不到|未找到|does ?n.t exist")
_DONE_CHINESE = re.compile(r"(?:完成|成功)$")
_FAILED_CHINESE = re.compile(r"失败|取消|拒绝|超时|违规|错误")
_NO_FAILURE = word_set("success ok succeeded completed none null 0 200 true")

#: members that repeat the request or show previews
_ECHO_FIELDS = word_set(
    "prompt prompts input inputs request params parameters input_image input_images inputImage inputImages "
    "reference_images referenceImages mask thumbnail thumbnails thumbnail_url preview preview_url previews"
)
#: other names of image and video members, and the name that the parser knows
_ALIASES = {
    **dict.fromkeys(("img_paths", "imageUrls", "image_list", "pictures", "outputs", "img_urls"), "images"),
    **dict.fromkeys(("result_urls", "resultUrls", "output_urls", "imageList"), "images"),
    **dict.fromkeys(("imageUrl", "img_url", "sample", "result_url", "output_url", "img_path"), "image_url"),
    **{"videoUrl": "video_url", "resultJson": "result", "result_json": "result"},
}


class TaskStage(Enum):
    """Stage of a task, by the provider's response."""

    DONE = auto()
    RUNNING = auto()
    FAILED = auto()
    STOPPED = auto()  #: no longer running, and the response does not say how it ended
    MISSING = auto()  #: there is no such task
    UNSTATED = auto()  #: the response does not say


@dataclass(frozen=True, slots=True)
class ProviderTask:
    """A task as a provider's response shows it."""

    stage: TaskStage
    state: str  #: the provider's own word for it, lower case
    reason: str  #: why it failed, if the response says so
    sure: bool  #: the reason is certainly the task's, not why the poll failed
    progress: Percent | None
    cleaned: Any  #: the body reduced to results
    unfinished: bool  #: some images are there, and others (or the video made of them) are pending


def read_task(body: object) -> ProviderTask | None:
    """Return the task in a parsed body, or ``None`` if the body is neither an object nor a list."""
    if not isinstance(body, dict | list):
        return None
    layers = list(_layers(body))
    state = next((word for layer in reversed(layers) if (word := _state(layer))), "")
    failure = next((text for layer in reversed(layers) if (text := _reason(layer, _FAILURE_FIELDS))), "")
    reason = failure or next(
        (text for layer in reversed(layers) if (text := _reason(layer, _REASON_FIELDS))), ""
    )
    stage = _stage(state, reason, failure, layers)
    cleaner = _Cleaner(finished=stage is TaskStage.DONE)
    cleaned = cleaner.clean(body)
    video_pending = any(
        layer.get("running") is True and layer.get("video_url", "") is None for layer in layers
    )
    unfinished = video_pending or (cleaner.pending > 0 and cleaner.done > 0)
    return ProviderTask(stage, state, reason, bool(failure), _progress(layers), cleaned, unfinished)


def stage_of(state: str) -> TaskStage:
    """Return the stage that one word for a state means; an unknown word means that the task runs."""
    word = re.sub(r"[\s_-]+", "_", state.strip().lower())
    parts = word.split("_")
    if _MISSING.search(word):
        return TaskStage.MISSING
    if _FAILED_WORDS.intersection(parts) or _FAILED_CHINESE.search(word):
        return TaskStage.FAILED
    done = parts[-1] in _DONE_WORDS or _DONE_CHINESE.search(word)
    negated = _NEGATIONS.intersection(parts) or "未" in word
    return TaskStage.DONE if done and not negated else TaskStage.RUNNING


def _stage(state: str, reason: str, failure: str, layers: list[Mapping[str, Any]]) -> TaskStage:
    """Return the stage of a task: by its state, else by its other members."""
    is_task = any(name in layer for layer in layers for name in _TASK_FIELDS)
    if state and (is_task or failure or state not in _POLL_STATES):
        return stage_of(state)
    running = next((layer["running"] for layer in reversed(layers) if "running" in layer), None)
    if running is True:
        return TaskStage.RUNNING
    if _MISSING.search(reason.lower()):
        return TaskStage.MISSING
    if failure:
        return TaskStage.FAILED
    if running is False:
        return TaskStage.STOPPED
    return TaskStage.RUNNING if _progress(layers) is not None else TaskStage.UNSTATED


def _layers(value: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the objects around the task and the task itself, outermost first."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and _state(value[0]):
        value = value[0] if any(name in value[0] for name in _ID_FIELDS) or depth == 0 else None
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return
    yield value
    for name in _WRAPPERS:
        yield from _layers(value.get(name), depth + 1)


def _state(layer: Mapping[str, Any]) -> str:
    """Return the state word of one object; numbers are skipped (HTTP statuses or private codes)."""
    for name in _STATE_FIELDS:
        if isinstance(word := layer.get(name), str) and word.strip() and not word.strip().isdigit():
            return word.strip().lower() if word.strip().lower() != "ok" else ""
    return ""


def _reason(layer: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of the members ``names`` that states a failure, as text."""
    for name in names:
        value = layer.get(name)
        if isinstance(value, dict):
            parts = [value.get(part) for part in ("code", "type", "message", "msg", "reason", "detail")]
            value = "; ".join(text for text in parts if isinstance(text, str) and text)
        if isinstance(value, str) and value.strip() and value.strip().lower() not in _NO_FAILURE:
            return value.strip()
    return ""


def _progress(layers: list[Mapping[str, Any]]) -> Percent | None:
    """Return the progress in percent, from the innermost object that has it."""
    for layer in reversed(layers):
        for name in _PROGRESS_FIELDS:
            value = layer.get(name)
            if isinstance(value, float) and 0 < value < 1:
                value = round(value * 100, 1)  # a fraction
            if found := ProgressParser().add_value(value):
                return found[0]
    return None


class _Cleaner:
    """Removes from a body what is no result: echoes, empty items, images that failed or are pending."""

    def __init__(self, *, finished: bool) -> None:
        self._finished = finished
        self.pending = self.done = 0  #: list items by their own state

    def clean(self, value: object, depth: int = 0) -> Any:
        """Return the value reduced to results, its members renamed to what the parser knows."""
        if depth > _MAX_DEPTH:
            return None
        if isinstance(value, list):
            cleaned = [self.clean(item, depth + 1) for item in value if self._is_result(item)]
            return [item for item in cleaned if item not in (None, "")]
        if isinstance(value, dict):
            return self._clean_object(value, depth)
        if isinstance(value, str) and value[:1] in ("{", "["):
            return self.clean(_parse(value), depth + 1) or value
        return value

    def _clean_object(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, member in value.items():
            if name in _ECHO_FIELDS or member is None:
                continue
            usual = _ALIASES.get(name, name)
            cleaned = self.clean(member, depth + 1)
            if usual in result and isinstance(result[usual], list) and isinstance(cleaned, list):
                cleaned = [*result[usual], *cleaned]
            if cleaned or usual not in result:
                result[usual] = cleaned
        url = result.get("url")
        if self._finished and isinstance(url, str) and is_http_url(url) and not is_document(url):
            result.setdefault("image_url", url)  # the URL of a finished task is its image's
        return result

    def _is_result(self, item: object) -> bool:
        """Return whether a list item is a finished one; an image may have a state of its own."""
        if not isinstance(item, dict) or not (word := _state(item)):
            return True
        stage = stage_of(word)
        self.pending += stage is TaskStage.RUNNING
        self.done += stage is TaskStage.DONE
        return stage is TaskStage.DONE or ("choices" in item)


def _parse(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return None
