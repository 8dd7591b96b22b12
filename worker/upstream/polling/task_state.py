"""Finds the task in what a provider says about it: its state, its progress, and its pictures' members."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from worker.upstream.matching import word_set
from worker.upstream.parsing.progress import Percent, ProgressParser
from worker.upstream.parsing.urls import is_document, is_http_url

_WRAPPERS = ("data", "task", "result", "response", "output", "payload", "job", "body")
_STATES = ("status", "state", "task_status", "taskStatus", "task_state", "job_status", "stage")
_PROGRESS = ("progress", "percent", "percentage", "progress_percent", "progressPercent")
_FAILURES = (
    *("failure_reason", "fail_reason", "failureReason", "failReason", "failed_reason", "fail_msg", "failMsg"),
    *("failure_code", "failure_message", "failureMessage", "task_status_msg"),
)  #: speak of the task itself
_REASONS = (
    *_FAILURES,
    *("error", "error_message", "errorMessage", "error_msg", "err_msg", "status_msg", "error_code"),
    *("errorCode", "reason", "detail", "message", "msg"),
)
_IDENTITIES = ("task_id", "taskId", "id", "running")
_SIGNS = (*_IDENTITIES, *_PROGRESS, "urls", "generations", "images", "video_url", "retry_count")

_DONE = word_set("completed complete succeeded succeed success successful done finished finish ready")
_FAILED = word_set(
    "failed failure fail error errored cancelled canceled timeout timedout timed rejected refused blocked "
    "moderated aborted terminated expired"
)
_CALLS_OWN = word_set("error fail")  #: may speak of our question instead of the task
_NEGATED = word_set("not in un almost")
_ABSENT = re.compile(r"not[_ ]?(?:found|exist)|unknown[_ ]task|no such|不存在|找不到|未找到|does ?n.t exist")
_DONE_CHINESE = re.compile(r"(?:完成|成功)$")
_FAILED_CHINESE = re.compile(r"失败|取消|拒绝|超时|违规|错误")
_FINE = word_set("success ok succeeded completed none null 0 200 true")

#: members that repeat the request or show previews
_ECHOES = word_set(
    "prompt prompts input inputs request params parameters input_image input_images inputImage inputImages "
    "reference_images referenceImages mask thumbnail thumbnails thumbnail_url preview preview_url previews"
)
#: other names for a picture's member
_RENAMED = {
    **dict.fromkeys(("img_paths", "imageUrls", "image_list", "pictures", "outputs", "img_urls"), "images"),
    **dict.fromkeys(("result_urls", "resultUrls", "output_urls", "imageList"), "images"),
    **dict.fromkeys(("imageUrl", "img_url", "sample", "result_url", "output_url", "img_path"), "image_url"),
    **{"videoUrl": "video_url", "resultJson": "result", "result_json": "result"},
}
_DEEPEST = 8


class Stage(Enum):
    """Where the provider says that the task is."""

    DONE = auto()
    RUNNING = auto()
    FAILED = auto()
    STOPPED = auto()  #: not running any more, and nothing is said about how it ended
    MISSING = auto()  #: there is no such task
    UNTOLD = auto()


@dataclass(frozen=True, slots=True)
class Task:
    """A task as a provider shows it."""

    stage: Stage
    state: str  #: the provider's own word for it, lower case
    reason: str  #: why it failed, as far as that is said
    sure: bool  #: the reason is certainly the task's own, not one why our question failed
    progress: Percent | None
    cleaned: Any  #: the body with nothing in it but results
    unfinished: bool  #: some of its pictures are there, and others (or the video of them) are to come


def read_task(body: object) -> Task | None:
    """Return the task of a parsed body, or ``None`` if it is neither an object nor a list."""
    if not isinstance(body, dict | list):
        return None
    layers = list(_layers(body))
    state = next((word for layer in reversed(layers) if (word := _state(layer))), "")
    failure = next((text for layer in reversed(layers) if (text := _reason(layer, _FAILURES))), "")
    reason = failure or next((text for layer in reversed(layers) if (text := _reason(layer, _REASONS))), "")
    stage = _stage(state, reason, failure, layers)
    cleaner = _Cleaner(finished=stage is Stage.DONE)
    cleaned = cleaner.clean(body)
    filming = any(layer.get("running") is True and layer.get("video_url", "") is None for layer in layers)
    unfinished = filming or (cleaner.coming > 0 and cleaner.here > 0)
    return Task(stage, state, reason, bool(failure), _progress(layers), cleaned, unfinished)


def stage_of(state: str) -> Stage:
    """Say what one word for a state means; words that nobody knows mean that something is going on."""
    word = re.sub(r"[\s_-]+", "_", state.strip().lower())
    parts = word.split("_")
    if _ABSENT.search(word):
        return Stage.MISSING
    if _FAILED.intersection(parts) or _FAILED_CHINESE.search(word):
        return Stage.FAILED
    done = parts[-1] in _DONE or _DONE_CHINESE.search(word)
    return Stage.DONE if done and not _NEGATED.intersection(parts) and "未" not in word else Stage.RUNNING


def _stage(state: str, reason: str, failure: str, layers: list[Mapping[str, Any]]) -> Stage:
    """Say where the task is: by its state, else by what else is told."""
    signs = any(name in layer for layer in layers for name in _SIGNS)
    if state and (signs or failure or state not in _CALLS_OWN):
        return stage_of(state)
    running = next((layer["running"] for layer in reversed(layers) if "running" in layer), None)
    if running is True:
        return Stage.RUNNING
    if _ABSENT.search(reason.lower()):
        return Stage.MISSING
    if failure:
        return Stage.FAILED
    if running is False:
        return Stage.STOPPED
    return Stage.RUNNING if _progress(layers) is not None else Stage.UNTOLD


def _layers(value: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the objects around the task and the task itself, outermost first."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and _state(value[0]):
        value = value[0] if any(name in value[0] for name in _IDENTITIES) or depth == 0 else None
    if not isinstance(value, dict) or depth > _DEEPEST:
        return
    yield value
    for name in _WRAPPERS:
        yield from _layers(value.get(name), depth + 1)


def _state(layer: Mapping[str, Any]) -> str:
    """Return the word for a state in one object; a number is an HTTP status or says nothing to us."""
    for name in _STATES:
        if isinstance(word := layer.get(name), str) and word.strip() and not word.strip().isdigit():
            return word.strip().lower() if word.strip().lower() != "ok" else ""
    return ""


def _reason(layer: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = layer.get(name)
        if isinstance(value, dict):
            said = [value.get(part) for part in ("code", "type", "message", "msg", "reason", "detail")]
            value = "; ".join(text for text in said if isinstance(text, str) and text)
        if isinstance(value, str) and value.strip() and value.strip().lower() not in _FINE:
            return value.strip()
    return ""


def _progress(layers: list[Mapping[str, Any]]) -> Percent | None:
    for layer in reversed(layers):
        for name in _PROGRESS:
            value = layer.get(name)
            if isinstance(value, float) and 0 < value < 1:
                value = round(value * 100, 1)  # a share
            if found := ProgressParser().add_value(value):
                return found[0]
    return None


class _Cleaner:
    """Takes out of a body what is no result: echoes, empty places, pictures that failed or are to come."""

    def __init__(self, *, finished: bool) -> None:
        self._finished = finished
        self.coming = self.here = 0  #: items that are still drawn, and items that are there

    def clean(self, value: object, depth: int = 0) -> Any:
        """Return the value without them, with the usual names for its members."""
        if depth > _DEEPEST:
            return None
        if isinstance(value, list):
            kept = [self.clean(item, depth + 1) for item in value if self._counts(item)]
            return [item for item in kept if item not in (None, "")]
        if isinstance(value, dict):
            return self._clean_object(value, depth)
        if isinstance(value, str) and value[:1] in ("{", "["):
            return self.clean(_parsed(value), depth + 1) or value
        return value

    def _clean_object(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for name, member in value.items():
            if name in _ECHOES or member is None:
                continue
            usual = _RENAMED.get(name, name)
            kept = self.clean(member, depth + 1)
            if usual in cleaned and isinstance(cleaned[usual], list) and isinstance(kept, list):
                kept = [*cleaned[usual], *kept]
            if kept or usual not in cleaned:
                cleaned[usual] = kept
        url = cleaned.get("url")
        if self._finished and isinstance(url, str) and is_http_url(url) and not is_document(url):
            cleaned.setdefault("image_url", url)  # a finished task's own address is its picture's
        return cleaned

    def _counts(self, item: object) -> bool:
        """Tell whether a list's item is there; a picture may have a state of its own."""
        if not isinstance(item, dict) or not (word := _state(item)):
            return True
        stage = stage_of(word)
        self.coming += stage is Stage.RUNNING
        self.here += stage is Stage.DONE
        return stage is Stage.DONE or ("choices" in item)


def _parsed(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return None
