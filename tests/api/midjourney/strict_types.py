"""Strict decoding of tasks and envelopes, as in Go clients: a wrong type fails the whole answer."""

from typing import Any

_TEXT = (str,)
_MAYBE_TEXT = (str, type(None))
_MAYBE_TIME = (int, type(None))

#: Every member that clients read without a check, with the types they decode.
TASK: dict[str, tuple[type, ...]] = {
    "id": _TEXT,
    "action": _TEXT,
    "status": _TEXT,
    "progress": _TEXT,
    "prompt": _MAYBE_TEXT,
    "promptEn": _MAYBE_TEXT,
    "description": _TEXT,
    "state": _MAYBE_TEXT,
    "submitTime": (int,),
    "startTime": _MAYBE_TIME,
    "finishTime": _MAYBE_TIME,
    "imageUrl": _MAYBE_TEXT,
    "failReason": _MAYBE_TEXT,
    "properties": (dict,),
    "buttons": (list,),
    "displays": (dict,),
}
BUTTON: dict[str, type] = {"customId": str, "emoji": str, "label": str, "type": int, "style": int}


def decoded(task: dict[str, Any]) -> dict[str, Any]:
    """Check a task's types and the rules that hold for every task in any state; return it."""
    for name, types in TASK.items():
        assert type(task[name]) in types, (name, task[name])
    for button in task["buttons"]:
        assert {name: type(button[name]) for name in BUTTON} == BUTTON
    assert task["id"].isdigit()
    assert len(task["id"]) <= 16
    assert (task["status"] == "SUCCESS") == (task["progress"] == "100%")
    assert bool(task["failReason"]) == (task["status"] in ("FAILURE", "CANCEL"))
    assert task["finishTime"] is None or task["startTime"] is not None
    assert task["imageUrls"] is None or task["imageUrls"]
    assert task["videoUrls"] is None or task["videoUrls"]
    assert all(isinstance(task["properties"][name], str) for name in ("finalPrompt", "finalZhPrompt"))
    assert all(isinstance(value, str) for value in task["displays"].values())
    return task


def accepted(envelope: dict[str, Any]) -> str:
    """Check the envelope of an accepted submit; return the task's number."""
    assert envelope["code"] in (1, 21, 22)
    assert type(envelope["description"]) is str
    assert type(envelope["result"]) is str
    assert type(envelope["properties"]) is dict
    number: str = envelope["result"]
    return number


def rejected(envelope: dict[str, Any], code: int) -> None:
    """Check the envelope of a submit that was not accepted."""
    assert envelope["code"] == code, envelope
    assert envelope["description"]
    assert envelope["result"] is None
    assert type(envelope["properties"]) is dict
