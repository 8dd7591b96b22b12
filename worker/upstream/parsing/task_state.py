"""Find a task in a provider's answer: its state, ids, addresses, progress, failure reason and results.

The first answer of a call and every answer to a poll are read by these same rules.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeGuard

import orjson

from worker.upstream.handles import valid_task_id
from worker.upstream.matching import fold_name, word_set
from worker.upstream.parsing.progress import Percent, ProgressParser
from worker.upstream.parsing.urls import is_document, is_http_url, is_image, is_video

_MAX_DEPTH = 8
_MAX_ADDRESS = 2048  #: characters of the address of a task

# Members are named here as ``fold_name`` returns them: ``jobstatus`` is ``JobStatus`` and ``job_status``.

_WRAPPERS = word_set("data task result response output payload job body taskresult taskinfo info record")
_STATE_FIELDS = (
    *("status", "state", "taskstatus", "taskstate", "jobstatus", "jobstate", "generationstatus"),
    *("generatestatus", "runstatus", "stage", "phase", "jobstatusmsg", "jobstatuscode", "successflag"),
)
#: states as numbers, by the member that has them (Tencent's jobs; the aggregators' ``successFlag``)
_STATE_NUMBERS: Mapping[str, Mapping[str, str]] = {
    "jobstatuscode": {"1": "queued", "2": "running", "4": "failed", "5": "done"},
    "jobstatus": {"1": "queued", "2": "running", "4": "failed", "5": "done"},
    "successflag": {"0": "running", "1": "done", "2": "failed", "3": "failed"},
}
_PROGRESS_FIELDS = word_set("progress percent percentage progresspercent percentcompleted")
#: reasons which only a task has
_FAILURE_FIELDS = (
    *("failurereason", "failreason", "failedreason", "failmsg", "failcode"),
    *("failurecode", "failuremessage", "taskstatusmsg", "joberrormsg", "joberrorcode"),
)
_REASON_FIELDS = (
    *_FAILURE_FIELDS,
    *("error", "errormessage", "errormsg", "errmsg", "statusmsg", "errorcode", "reason", "detail"),
    *("message", "msg"),
)
_ID_FIELDS = ("taskid", "jobid", "id", "running")
#: members that hold the id of a task; ``id`` only in an object with the state of one
_TASK_IDS = ("taskid", "jobid", "generationid", "predictionid", "generateuuid")
#: members that hold the address of a task's state, and of its result, the best first
_ADDRESS_FIELDS = (
    *("pollurl", "pollingurl", "statusurl", "queryurl", "taskurl"),
    *("responseurl", "resulturl"),
)
#: members by which an object is known to be a task
_TASK_FIELDS = frozenset(
    (*_ID_FIELDS, *_TASK_IDS, *_ADDRESS_FIELDS, *_PROGRESS_FIELDS, "successflag", "jobstatuscode")
) | word_set("urls generations images videourl retrycount")

_DONE_WORDS = word_set("completed complete succeeded succeed success successful done finished finish ready")
_RUNNING_WORDS = word_set(
    "queued queueing queuing queue pending progress inprogress processing running submitted submitting start "
    "created creating starting started waiting wait generating working rendering drawing executing "
    "initializing preparing scheduled accepted dreaming uploading"
)
_FAILED_WORDS = word_set(
    "failed failure fail error errored cancelled canceled timeout timedout timed rejected refused blocked "
    "moderated aborted terminated expired"
)
_STOPPED_WORDS = word_set("incomplete uncertain")
_POLL_STATES = word_set("error fail")  #: may be the state of the poll instead of the task
_NEGATIONS = word_set("not in un almost")
_MISSING = re.compile(r"not[_ ]?(?:found|exist)|unknown[_ ]task|no such|不存在|找不到|未找到|does ?n.t exist")
_DONE_CHINESE = re.compile(r"(?:完成|成功)$")
_FAILED_CHINESE = re.compile(r"失败|取消|拒绝|超时|违规|错误")
_RUNNING_CHINESE = re.compile(r"中$|等待|排队")
_NO_FAILURE = word_set("success ok succeeded completed none null 0 200 true")

#: members that repeat the request, or show previews
_ECHO_FIELDS = word_set(
    "prompt prompts input inputs request params parameters param paramjson inputimage inputimages inputurls "
    "referenceimages referenceimage mask thumbnail thumbnails thumbnailurl thumb thumburl preview previewurl "
    "previews previewimage callbackurl webhook webhookurl notifyhook"
)
#: other names of image and video members, and the name that the parser knows
_ALIASES = {
    **dict.fromkeys(("imgpaths", "imageurls", "imagelist", "pictures", "outputs", "imgurls"), "images"),
    **dict.fromkeys(("resulturls", "outputurls", "outputimages", "generatedimages"), "images"),
    **dict.fromkeys(("resultimages", "binarydatabase64"), "images"),
    **dict.fromkeys(("imageurl", "imgurl", "sample", "resulturl", "outputurl", "imgpath"), "image_url"),
    **{"imagebytes": "b64_json", "videourl": "video_url", "resultjson": "result"},
}


class TaskStage(Enum):
    """Stage of a task, by the provider's answer."""

    DONE = auto()
    RUNNING = auto()
    FAILED = auto()
    STOPPED = auto()  #: no longer running, and the answer does not say how it ended
    MISSING = auto()  #: there is no such task
    UNSTATED = auto()  #: the answer does not say


@dataclass(frozen=True, slots=True)
class ProviderTask:
    """A task as a provider's answer shows it."""

    stage: TaskStage
    state: str  #: the provider's own word for it, lower case
    reason: str  #: why it failed, if the answer says so
    sure: bool  #: the reason is certainly the task's, not why the poll failed
    progress: Percent | None
    cleaned: Any  #: the body reduced to results
    unfinished: bool  #: some images are there, and others (or the video made of them) are pending
    task_id: str | None = None
    addresses: tuple[str, ...] = ()  #: of its state and its result, as the answer writes them, the best first
    drafts: bool = False  #: the task runs by a word that is known: images in its answer are previews


def read_task(body: object) -> ProviderTask | None:
    """Return the task in a parsed body, or ``None`` if the body is neither an object nor a list."""
    if not isinstance(body, dict | list):
        return None
    layers = [_fold_members(layer) for layer in _layers(body)]
    state = next((word for layer in reversed(layers) if (word := _state(layer))), "")
    failure = next((text for layer in reversed(layers) if (text := _reason(layer, _FAILURE_FIELDS))), "")
    reason = failure or next(
        (text for layer in reversed(layers) if (text := _reason(layer, _REASON_FIELDS))), ""
    )
    stage = _stage(state, reason, failure, layers)
    cleaner = _Cleaner(finished=stage is TaskStage.DONE)
    cleaned = cleaner.clean(body)
    video_pending = any(
        layer.get("running") is True and layer.get("videourl", "") is None for layer in layers
    )
    done = stage is TaskStage.DONE
    return ProviderTask(
        stage,
        state,
        reason,
        bool(failure),
        _progress(layers),
        cleaned,
        video_pending or (cleaner.pending > 0 and cleaner.done > 0),
        _task_id(layers, running=stage is TaskStage.RUNNING),
        () if stage in (TaskStage.FAILED, TaskStage.MISSING) else tuple(_addresses(layers, done=done)),
        stage is TaskStage.RUNNING and is_running_word(state) and not cleaner.done,
    )


def stage_of(state: str) -> TaskStage:
    """Return the stage that one word for a state means; an unknown word means that the task runs."""
    word = _normal_word(state)
    parts = word.split("_")
    if says_missing(word):
        return TaskStage.MISSING
    if _FAILED_WORDS.intersection(parts) or _FAILED_CHINESE.search(word):
        return TaskStage.FAILED
    if _STOPPED_WORDS.intersection(parts):
        return TaskStage.STOPPED
    done = parts[-1] in _DONE_WORDS or _DONE_CHINESE.search(word)
    negated = _NEGATIONS.intersection(parts) or "未" in word
    return TaskStage.DONE if done and not negated else TaskStage.RUNNING


def says_missing(words: str) -> bool:
    """Return whether a state or a reason says that there is no such task."""
    return bool(_MISSING.search(words.lower()))


def is_running_word(state: str) -> bool:
    """Return whether a word for a state says that a task waits or runs."""
    word = _normal_word(state)
    return bool(_RUNNING_WORDS.intersection(word.split("_")) or _RUNNING_CHINESE.search(word))


def _normal_word(state: str) -> str:
    return re.sub(r"[\s_-]+", "_", state.strip().lower())


def _stage(state: str, reason: str, failure: str, layers: list[Mapping[str, Any]]) -> TaskStage:
    """Return the stage of a task: by its state, else by its other members."""
    is_task = any(not _TASK_FIELDS.isdisjoint(layer) for layer in layers)
    if state and (is_task or failure or state not in _POLL_STATES):
        return stage_of(state)
    running = next((layer["running"] for layer in reversed(layers) if "running" in layer), None)
    if running is True:
        return TaskStage.RUNNING
    if says_missing(reason):
        return TaskStage.MISSING
    if failure:
        return TaskStage.FAILED
    if running is False:
        return TaskStage.STOPPED
    return TaskStage.RUNNING if _progress(layers) is not None else TaskStage.UNSTATED


def _fold_members(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        fold_name(name): value for name, value in reversed(list(layer.items()))
    }  # of two, the first counts


def _layers(value: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the objects around the task and the task itself, outermost first."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and _is_task_list(value):
        value = value[0]
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return
    yield value
    for name, member in value.items():
        if isinstance(member, dict | list) and fold_name(name) in _WRAPPERS:
            yield from _layers(member, depth + 1)


def _is_task_list(items: list[Any]) -> bool:
    """Return whether a list holds tasks, not images with a state of their own."""
    first = _fold_members(items[0])
    if len(items) > 1 and any(first.get(name) for name in ("url", "b64json", "imageurl")):
        return False
    return bool(_state(first)) and any(name in first for name in (*_ID_FIELDS, *_TASK_IDS))


def _state(layer: Mapping[str, Any]) -> str:
    """Return the state word of one object; other numbers are HTTP statuses or private codes."""
    for name in _STATE_FIELDS:
        value = layer.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int) or not (word := str(value).strip()):
            continue
        if word.isdigit():
            word = _STATE_NUMBERS.get(name, {}).get(word, "")
        if word:
            return word.lower() if word.lower() != "ok" else ""
    return ""


def _reason(layer: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of the members ``names`` that states a failure, as text."""
    for name in names:
        value = layer.get(name)
        if isinstance(value, dict):
            parts = [value.get(part) for part in ("code", "type", "message", "msg", "reason", "detail")]
            value = "; ".join(text for text in parts if isinstance(text, str) and text)
        if isinstance(value, str) and value.strip() and value.strip().lower() not in _NO_FAILURE:
            if name in ("failcode", "joberrorcode") and value.strip().isdigit():
                continue  # a number of the provider's own
            return value.strip()
    return ""


def _task_id(layers: list[Mapping[str, Any]], *, running: bool) -> str | None:
    """Return the id of the task, from the innermost object that has one; ``id`` is it while the task runs."""
    for names in (_TASK_IDS, ("id", "uuid") if running else ()):
        for layer in reversed(layers):
            found = next((task for name in names if (task := valid_task_id(layer.get(name)))), None)
            if found is not None:
                return found
    return None


def _addresses(layers: list[Mapping[str, Any]], *, done: bool) -> Iterator[str]:
    """Yield the addresses under which a task can be polled; ``done``: its result is not one of them."""
    for name in _ADDRESS_FIELDS:
        if name == "resulturl" and done:
            continue
        for layer in reversed(layers):
            if is_address(address := layer.get(name)) and not (is_image(address) or is_video(address)):
                yield address
    for layer in reversed(layers):
        urls = layer.get("urls", layer.get("links"))
        if isinstance(urls, dict) and is_address(address := urls.get("get") or urls.get("status")):
            yield address


def is_address(value: object) -> TypeGuard[str]:
    """Return whether a value is an address: a URL, or a path."""
    return (
        isinstance(value, str)
        and len(value) < _MAX_ADDRESS
        and (is_http_url(value) or (value.startswith("/") and not value.startswith("//")))
    )


def percent_of(value: object) -> Percent | None:
    """Return a progress member in percent: ``45``, ``"45%"``, or a fraction (``0.45``, ``"0.45"``)."""
    if isinstance(value, str) and re.fullmatch(r"\s*0?\.\d{1,9}\s*", value, re.ASCII):
        value = float(value)
    if isinstance(value, float) and 0 < value < 1:
        value = round(value * 100, 1)
    found = ProgressParser().add_value(value)
    return found[0] if found else None


def _progress(layers: list[Mapping[str, Any]]) -> Percent | None:
    """Return the progress in percent, from the innermost object that has it."""
    for layer in reversed(layers):
        for name in _PROGRESS_FIELDS.intersection(layer):
            if (found := percent_of(layer[name])) is not None:
                return found
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
            folded = fold_name(name)
            if folded in _ECHO_FIELDS or member is None:
                continue
            usual = _ALIASES.get(folded, name)
            message = isinstance(member, str) and folded in _REASON_FIELDS
            cleaned = member if message else self.clean(member, depth + 1)
            if usual in result and isinstance(result[usual], list) and isinstance(cleaned, list):
                cleaned = [*result[usual], *cleaned]
            if cleaned or usual not in result:
                result[usual] = cleaned
        url = result.get("url")
        if self._finished and is_address(url) and not is_document(url):
            result.setdefault("image_url", url)  # the URL of a finished task is its image's
        return result

    def _is_result(self, item: object) -> bool:
        """Return whether a list item is a finished one; an image may have a state of its own."""
        if not isinstance(item, dict) or not (word := _state(_fold_members(item))):
            return True
        stage = stage_of(word)
        if stage is TaskStage.RUNNING and item.get("result"):
            return True  # the item of an image that is there, written before its state was
        self.pending += stage is TaskStage.RUNNING
        self.done += stage is TaskStage.DONE
        return stage is TaskStage.DONE or ("choices" in item)


def _parse(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return None
