"""Poll a provider for the result of a call; nothing here is paid for."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlsplit

from models.errors import ImageError
from models.outcomes import Billed, CallResult, Outcome
from models.queries.bulk import storable
from models.queries.leases import LeasedJob
from worker.tasks.context import TaskContext
from worker.upstream.errors.own_text import own_text_of_job
from worker.upstream.handles import Handles, join_origin, task_url
from worker.upstream.polling.poll import TASK_NOT_FOUND, PollStage, PollState, read_poll
from worker.upstream.request import endpoint

_THREAD_FROM = 256 * 1024  # bytes; longer responses are parsed in a thread
_URL = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
_MEMBER = "recover"  # of the column ``jobs.answer``, until the images are found

WORKER_LOST = CallResult(
    Outcome.AMBIGUOUS,
    "connection_lost",
    "The worker stopped while the provider was working; the picture may exist and may have been charged.",
    Billed.UNKNOWN,
)

Response = tuple[int, Mapping[str, str], bytes]  #: status, headers, body


@dataclass(frozen=True, slots=True)
class LostCall:
    """A call whose answer was lost, with what is needed to poll for it.

    It is stored in the column ``jobs.answer``, so that any worker can continue.
    """

    handles: Handles
    number: int  #: of its attempt
    used: int  #: attempts that the job has used up, this one included
    since: datetime  #: when it was lost: the time limit of polling counts from here
    result: CallResult  #: of the call, if nothing is found

    @classmethod
    def of(cls, answer: Mapping[str, Any] | None) -> Self | None:
        """Read what ``to_json`` wrote; ``None`` if the answer is not a lost one."""
        lost = (answer or {}).get(_MEMBER)
        if lost is None:
            return None
        stored = lost["verdict"]
        result = CallResult(
            Outcome(stored["outcome"]),
            stored["code"],
            stored["message"],
            Billed(stored["billed"]),
            provider_status=stored["provider_status"],
            provider_message=stored["provider_message"],
        )
        since = datetime.fromisoformat(lost["since"])
        return cls(Handles.from_json(lost["handles"]), lost["number"], lost["used"], since, result)

    @property
    def why(self) -> str:
        """Why the provider is polled, for people."""
        if self.result.outcome is Outcome.PENDING:
            return "the provider works on it as a task, and is polled for the result"
        return "the answer has no picture; the provider is polled for it, nothing is paid twice"

    def to_json(self) -> dict[str, Any]:
        """Return the value of the column ``jobs.answer`` until the images are found."""
        message = self.result.provider_message
        return {
            _MEMBER: {
                "handles": self.handles.to_json(),
                "number": self.number,
                "used": self.used,
                "since": self.since.isoformat(),
                "verdict": {
                    "outcome": self.result.outcome,
                    "code": self.result.code,
                    "message": self.result.message,
                    "billed": self.result.billed,
                    "provider_status": self.result.provider_status,
                    "provider_message": storable(message) if message else None,
                },
            }
        }


@dataclass(frozen=True, slots=True)
class PollAddress:
    """Where a result can be polled.

    With the channel's key only on the channel's own origin; elsewhere without a key, and guarded like a
    download.
    """

    url: str
    with_key: bool = False
    path: str | None = None  #: the task path of the channel from which the address was built


def poll_addresses(context: TaskContext, job: LeasedJob, handles: Handles) -> list[PollAddress]:
    """Return where these handles can be polled, the best first.

    The answer's own addresses come before the channel's task paths; of these, the one that showed a task of
    this channel before comes first. No poll is paid for, so the others are tried as well.
    """
    links = [PollAddress(handles.poll_url)] if handles.poll_url else []
    route = context.services.routes.get(job.channel)
    if route is None:
        return links
    chat = endpoint(str(route.settings.base_url))
    own = [PollAddress(url, with_key=True) for each in handles.task_urls if (url := join_origin(chat, each))]
    foreign = [PollAddress(each) for each in handles.task_urls if not join_origin(chat, each)]
    known = context.task_paths.get(job.channel)
    paths = sorted(route.preset.task_paths, key=lambda path: path != known) if handles.task_id else ()
    tasks = [
        PollAddress(task_url(chat, path, handles.task_id or ""), with_key=True, path=path) for path in paths
    ]
    unique = {address.url: address for address in reversed((*links, *own, *tasks, *foreign))}
    return list(reversed(unique.values()))


async def poll(context: TaskContext, job: LeasedJob, address: PollAddress) -> PollState:
    """Poll once; a task path that shows the task is remembered for the channel."""
    response = await (_get_task if address.with_key else _get_link)(context, job, address)
    if isinstance(response, PollState):
        return response
    input_urls = (*job.request.get("images", ()), *_URL.findall(job.prompt))
    own = own_text_of_job(job.model, job.prompt, job.request)
    status, headers, body = response
    parts = urlsplit(address.url)

    def read() -> PollState:
        origin = f"{parts.scheme}://{parts.netloc}"
        return read_poll(status, headers, body, input_urls=input_urls, origin=origin, own=own)

    state = await _run(len(body), read)
    if address.path and state.stage in (PollStage.DONE, PollStage.RUNNING, PollStage.FAILED):
        context.task_paths[job.channel] = address.path
    return state


async def poll_once(context: TaskContext, job: LeasedJob, handles: Handles) -> PollState:
    """Poll each address until one shows images; return the first state that is known."""
    best = PollState(PollStage.UNKNOWN)
    for address in poll_addresses(context, job, handles):
        state = await poll(context, job, address)
        if state.images or state.videos:
            return state
        best = state if best.stage is PollStage.UNKNOWN else best
    return best


async def _get_link(context: TaskContext, job: LeasedJob, address: PollAddress) -> Response | PollState:
    try:
        found = await context.services.documents.read(address.url)
    except ImageError as error:
        if error.retryable:
            return PollState(PollStage.UNCLEAR)
        return PollState(PollStage.UNKNOWN, result=TASK_NOT_FOUND)
    return found.status, found.headers, found.body


async def _get_task(context: TaskContext, job: LeasedJob, address: PollAddress) -> Response | PollState:
    route = context.services.routes[job.channel]
    key = route.settings.api_key.get_secret_value()
    found = await context.services.task_client.read(address.url, api_key=key, headers=route.preset.headers)
    return (found.status, found.headers, found.body) if found else PollState(PollStage.UNCLEAR)


async def _run(size: int, read: Callable[[], PollState]) -> PollState:
    return await asyncio.to_thread(read) if size > _THREAD_FROM else read()
