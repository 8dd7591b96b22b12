"""Fault injection: each fault turns the script of a good response into a broken one."""

import binascii
from collections.abc import Callable, Mapping
from dataclasses import replace

import orjson

from worker.practice.drawing.png import tiny_png
from worker.practice.request_options import FailureKind
from worker.practice.script import EVENTS, JSON, Script, Step

_BROKEN = b'{"id":"chatcmpl-0","choices":[{"index":0,"message":{"role":"assistant","content":"![image](htt'
_ERROR = {"error": {"message": "Generation failed: upstream timeout", "type": "server_error", "code": None}}
_DONE = Step(0, b"data: [DONE]\n\n")
_CHUNKS = 20


def _half(script: Script) -> tuple[Step, ...]:
    """Return the first half of a stream's events, or of a document's bytes."""
    if script.content_type == EVENTS:
        return script.steps[: max(len(script.steps) // 2, 1)]
    after, data = script.steps[0]
    return (Step(after, data[: len(data) // 2]),)


def cut(script: Script) -> Script:
    """Close the connection midway."""
    length = None if script.content_type == EVENTS else sum(len(step.data) for step in script.steps)
    return replace(script, steps=_half(script), end="drop", content_length=length)


def unfinished(script: Script) -> Script:
    """End the response midway as if it were complete; a stream still sends ``[DONE]``."""
    steps = _half(script)
    return replace(script, steps=(*steps, _DONE) if script.content_type == EVENTS else steps)


def stall(script: Script) -> Script:
    """Stop sending midway, with the connection open."""
    return replace(script, steps=_half(script), end="hang")


def stream_error(script: Script) -> Script:
    """Send an error object in place of the image."""
    error = orjson.dumps(_ERROR)
    if script.content_type == EVENTS:
        return replace(script, steps=(*_half(script), Step(0, b"data: %b\n\n" % error), _DONE))
    return replace(script, steps=(Step(script.steps[0].after, error),))


def invalid_json(script: Script) -> Script:
    """Send malformed JSON."""
    after = sum(step.after for step in script.steps)
    if script.content_type == EVENTS:
        return replace(script, steps=(Step(after, b"data: %b\n\n" % _BROKEN), _DONE))
    return replace(script, steps=(Step(after, _BROKEN),), content_type=JSON)


def drip(script: Script, interval: float) -> Script:
    """Send the whole response in small chunks, ``interval`` seconds apart."""
    body = b"".join(step.data for step in script.steps)
    size = max(len(body) // _CHUNKS, 1)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    wait = sum(step.after for step in script.steps)
    steps = (Step(wait if index == 0 else interval, chunk) for index, chunk in enumerate(chunks))
    return replace(script, steps=tuple(steps))


def joined(script: Script) -> Script:
    """Send the events of a stream without an empty line between them."""
    steps = (Step(after, data.replace(b"\n\n", b"\n")) for after, data in script.steps)
    return replace(script, steps=tuple(steps))


_DRAFT = {
    "type": "image_generation.partial_image",
    "partial_image_index": 0,
    "b64_json": binascii.b2a_base64(tiny_png("a draft", 1), newline=False).decode(),
}
_DRAFT_STEP = Step(0, b"event: image_generation.partial_image\ndata: %b\n\n" % orjson.dumps(_DRAFT))


def drafts(script: Script) -> Script:
    """Send drafts before a stream."""
    return replace(script, steps=(_DRAFT_STEP, _DRAFT_STEP, *script.steps), content_type=EVENTS)


def only_drafts(script: Script) -> Script:
    """Send a draft and the end mark of a stream instead of the image."""
    after = sum(step.after for step in script.steps)
    return replace(script, steps=(Step(after, b""), _DRAFT_STEP, _DONE), content_type=EVENTS)


def failed_task(script: Script) -> Script:
    """Send the record of a task that failed."""
    return _record(script, {"state": "fail", "failMsg": "generation failed: upstream timeout"})


def finished_task(script: Script) -> Script:
    """Send the record of a task that is finished, without its image."""
    return _record(script, {"state": "success", "resultJson": "{}"})


def unknown_answer(script: Script) -> Script:
    """Send an answer that no rule understands."""
    after = sum(step.after for step in script.steps)
    return replace(
        script, steps=(Step(after, b'{"ticket":"9f8e","gallery":{"shelf":7}}'),), content_type=JSON
    )


def _record(script: Script, members: dict[str, str]) -> Script:
    after = sum(step.after for step in script.steps)
    record = {"code": 200, "msg": "success", "data": {"taskId": "task_practice", **members}}
    return replace(script, steps=(Step(after, orjson.dumps(record)),), content_type=JSON)


FAULTS: Mapping[FailureKind, Callable[[Script], Script]] = {
    "cut": cut,
    "unfinished": unfinished,
    "stall": stall,
    "stream_error": stream_error,
    "invalid_json": invalid_json,
    "joined": joined,
    "drafts": drafts,
    "only_drafts": only_drafts,
    "failed_task": failed_task,
    "finished_task": finished_task,
    "unknown_answer": unknown_answer,
}
