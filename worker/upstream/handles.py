"""What can be asked later instead of paying again: the handles of a call."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

_TASK = re.compile(
    r"(?:^|[\n>*])[ \t>*]*(?:任务\s*|task[ _]?)?ID\**[ \t]*[：:]\**[ \t]*"
    r"(?:`([^`\s]{2,128})`|([\w.:-]{4,128})(?=\s))",
    re.IGNORECASE,
)
_SUBMITTED = re.compile(r"[\w.:-]{6,128}", re.ASCII)
_LONGEST_ID = 512  #: characters
_GENERATION = re.compile(r"gen_\w{2,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Handles:
    """What an answer leaves for recovery (``task_id``, ``poll_url``) and for a later edit (``gen_ids``).

    ``seen`` is the first whole image's address that streamed past: if the rest of the answer gets lost with
    the worker that read it, this image can still be fetched.
    """

    task_id: str | None = None
    poll_url: str | None = None
    gen_ids: tuple[str, ...] = ()
    seen: str | None = None

    def __bool__(self) -> bool:
        return bool(self.task_id or self.poll_url or self.gen_ids or self.seen)

    @property
    def pollable(self) -> bool:
        """Whether the provider may be asked for the result again."""
        return bool(self.task_id or self.poll_url)

    @property
    def recoverable(self) -> bool:
        """Whether a result can be had even if nothing but these is left of the answer."""
        return self.pollable or self.seen is not None

    def to_json(self) -> dict[str, Any]:
        """Return them as they are kept."""
        kept = {"task_id": self.task_id, "poll_url": self.poll_url, "gen_ids": list(self.gen_ids)}
        return kept | ({"seen": self.seen} if self.seen else {})

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> "Handles":
        """Read what ``to_json`` wrote; ``None`` is no handles."""
        kept = kept or {}
        known = tuple(kept.get("gen_ids") or ())
        return cls(kept.get("task_id"), kept.get("poll_url"), known, kept.get("seen"))


def find_task_id(text: str) -> str | None:
    """Return the task id that a text names, once it is complete."""
    match = _TASK.search(text)
    return valid_task_id(match[1] or match[2]) if match else None


def valid_task_id(task: object) -> str | None:
    """Return a task's id as it can be kept and asked for; ``None`` if this is none."""
    text = str(task) if isinstance(task, str | int) and not isinstance(task, bool) else ""
    return text if 0 < len(text) < _LONGEST_ID and text.isprintable() and task else None


def submitted_task_id(body: Mapping[str, Any]) -> str | None:
    """Return the task id of ``{code: "success", data: id}`` and ``{code: 1, result: id}``."""
    code = body.get("code")
    value = body.get("data") if code == "success" else body.get("result") if code in (1, 21, 22) else None
    return value if isinstance(value, str) and _SUBMITTED.fullmatch(value) else None


def find_generation_id(label: str) -> str | None:
    """Return the generation id that an image's label is."""
    label = label.strip()
    return label if _GENERATION.fullmatch(label) else None


def merge_handles(known: Handles, found: Handles) -> Handles:
    """Return both together; what was known first stays."""
    return replace(
        known,
        task_id=known.task_id or found.task_id,
        poll_url=known.poll_url or found.poll_url,
        gen_ids=tuple(dict.fromkeys((*known.gen_ids, *found.gen_ids))),
        seen=known.seen or found.seen,
    )


def task_url(chat: str, path: str, task_id: str) -> str:
    """Return where a task's state is asked for: ``path`` beside ``chat/completions``, ``{id}`` filled in."""
    address, question, query = chat.partition("?")
    root = address.removesuffix("/chat/completions")
    return f"{root}/{path.lstrip('/').replace('{id}', quote(task_id, safe=''))}{question}{query}"
