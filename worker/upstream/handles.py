"""Handles of a call: task id, poll URL and generation ids; they recover its result for free."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

_TASK = re.compile(
    r"(?:^|[\n>*])[ \t>*]*(?:任务\s*|task[ _]?)?ID\**[ \t]*[：:]\**[ \t]*"
    r"(?:`([^`\s]{2,128})`|([\w.:-]{4,128})(?=\s))",
    re.IGNORECASE,
)
_SUBMITTED_ID = re.compile(r"[\w.:-]{6,128}", re.ASCII)
_MAX_ID = 512  #: characters
_MAX_TASK_URLS = 4
_GENERATION = re.compile(r"gen_\w{2,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Handles:
    """Ids and URLs for recovery (``task_id``, ``poll_url``, ``task_urls``) and for later edits (``gen_ids``).

    ``poll_url`` is a public link. ``task_urls`` are addresses of the task and of its result as the answer
    writes them: they may need the channel's key, and may lack a host. ``seen`` is the URL of the first
    complete image in the stream: if the rest of the answer is lost together with the worker, this image can
    still be fetched.
    """

    task_id: str | None = None
    poll_url: str | None = None
    gen_ids: tuple[str, ...] = ()
    seen: str | None = None
    task_urls: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.task_id or self.poll_url or self.gen_ids or self.seen or self.task_urls)

    @property
    def pollable(self) -> bool:
        """Whether the provider can be polled for the result."""
        return bool(self.task_id or self.poll_url or self.task_urls)

    @property
    def recoverable(self) -> bool:
        """Whether the result can be recovered from the handles alone."""
        return self.pollable or self.seen is not None

    def to_json(self) -> dict[str, Any]:
        """Return the handles as stored in the database."""
        members: dict[str, Any] = {
            "task_id": self.task_id,
            "poll_url": self.poll_url,
            "gen_ids": list(self.gen_ids),
        }
        members |= {"seen": self.seen} if self.seen else {}
        return members | ({"task_urls": list(self.task_urls)} if self.task_urls else {})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "Handles":
        """Read what ``to_json`` wrote; ``None`` gives empty handles."""
        stored = stored or {}
        gen_ids, task_urls = (tuple(stored.get(name) or ()) for name in ("gen_ids", "task_urls"))
        return cls(stored.get("task_id"), stored.get("poll_url"), gen_ids, stored.get("seen"), task_urls)


def find_task_id(text: str) -> str | None:
    """Return the task id that a text contains, once it is complete."""
    match = _TASK.search(text)
    return valid_task_id(match[1] or match[2]) if match else None


def valid_task_id(task: object) -> str | None:
    """Return a task id as text; ``None`` if it is not a valid id."""
    text = str(task) if isinstance(task, str | int) and not isinstance(task, bool) else ""
    return text if 0 < len(text) < _MAX_ID and text.isprintable() and task else None


def submitted_task_id(body: Mapping[str, Any]) -> str | None:
    """Return the task id of ``{code: "success", data: id}`` and ``{code: 1, result: id}``."""
    code = body.get("code")
    value = body.get("data") if code == "success" else body.get("result") if code in (1, 21, 22) else None
    return value if isinstance(value, str) and _SUBMITTED_ID.fullmatch(value) else None


def find_generation_id(label: str) -> str | None:
    """Return the label of an image if it is a generation id."""
    label = label.strip()
    return label if _GENERATION.fullmatch(label) else None


def merge_handles(known: Handles, found: Handles) -> Handles:
    """Return the union; where both have a value, the known one stays."""
    return replace(
        known,
        task_id=known.task_id or found.task_id,
        poll_url=known.poll_url or found.poll_url,
        gen_ids=tuple(dict.fromkeys((*known.gen_ids, *found.gen_ids))),
        seen=known.seen or found.seen,
        task_urls=tuple(dict.fromkeys((*known.task_urls, *found.task_urls)))[:_MAX_TASK_URLS],
    )


def join_origin(chat_url: str, address: str) -> str | None:
    """Return an address on the origin of ``chat_url``, with its host; ``None`` if it is elsewhere.

    Only there the key of the channel may be sent.
    """
    try:
        url = urljoin(chat_url, address)
        same = _origin(url) == _origin(chat_url)
    except ValueError:
        return None
    return url if same else None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(scheme)


def task_url(chat_url: str, path: str, task_id: str) -> str:
    """Return the URL of a task's state: ``path`` instead of ``chat/completions``, ``{id}`` filled in."""
    base, question, query = chat_url.partition("?")
    root = base.removesuffix("/chat/completions")
    return f"{root}/{path.lstrip('/').replace('{id}', quote(task_id, safe=''))}{question}{query}"
