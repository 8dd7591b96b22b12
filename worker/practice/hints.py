"""Hints in a prompt, so that anybody with a text field can try what the practice provider can do.

::

    hint      = "[" ( failure | delay | count | member ) "]"        in any case; others stay plain text
    failure   = ["fail "] kind [" " times]                          [fail 429 twice] [refuse] [hang]
    kind      = a name or alias of wishes.FailureKind               [fail no picture] [fail dead link 2x]
    times     = "once" | "twice" | number ("x" | " times")          without it, every call fails
    delay     = "delay " seconds                                    [delay 3s] [delay 500ms] [delay 1-5s]
    count     = number " picture" ["s"] | "n " number               [3 pictures]
    member    = ("deliver" | "progress" | "picture" | "retry after" | "interval") " " value
                                                                    [deliver markdown_data] [retry after 5s]
    case      = "#case:" id, without brackets                       #case:S010

A bare status such as ``[429]`` needs its ``fail``. Several failures happen one after the other:
``[fail 429 twice] [fail 500 once]`` succeeds at the fourth call of that prompt. So do several cases:
``#case:H006 #case:R002`` plays the one to the first call and the other to all that follow.
"""

import re
from typing import Any

from worker.practice.request_options import ALIASES, FAILURE_KINDS, failure_kind

_BRACKETS = re.compile(r"\[([^\[\]\n]{1,60})\]")
_FAILURE = re.compile(r"(fail )?(.+?)(?: (once|twice|\d+ ?x|\d+ times))?")
_COUNT = re.compile(r"n (\d+)|(\d+) pictures?")
_MEMBER = re.compile(r"(delay|deliver|progress|picture|retry after|interval) (.+)")
_KINDS = frozenset(FAILURE_KINDS) | frozenset(ALIASES.values())
_CASE = re.compile(r"#case:([\w.-]*\w)", re.IGNORECASE)
_COUNTED = {"once": 1, "twice": 2}


def read_hints(prompt: str) -> tuple[str, dict[str, Any]]:
    """Return the prompt without its hints, and the members of a wish that they stand for."""
    members: dict[str, Any] = {}
    plain = prompt
    if "[" in prompt:
        plain = _BRACKETS.sub(
            lambda found: "" if _read(found[1].lower().strip(), members) else found[0], prompt
        )
    if "#" in prompt and (cases := _CASE.findall(plain)):
        members["case"] = cases
        plain = _CASE.sub("", plain)
    return " ".join(plain.split()) if members else prompt, members


def _read(hint: str, members: dict[str, Any]) -> bool:
    """Add what one hint asks for; tell whether it was one."""
    if found := _COUNT.fullmatch(hint):
        members["n"] = int(found[1] or found[2])
    elif found := _MEMBER.fullmatch(hint):
        name = found[1].replace(" ", "_")
        members[name] = found[2].removesuffix("s") if name in ("retry_after", "interval") else found[2]
    elif (found := _FAILURE.fullmatch(hint)) and (kind := _kind(found[2], spelled=bool(found[1]))):
        members.setdefault("fail", []).append({"kind": kind, "times": _times(found[3])})
    else:
        return False
    return True


def _kind(word: str, *, spelled: bool) -> str | None:
    kind = str(failure_kind(word))
    return kind if kind in _KINDS and (spelled or not word.isdigit()) else None


def _times(word: str | None) -> int | None:
    if word is None:
        return None
    return _COUNTED.get(word) or int(word.rstrip("times x"))
