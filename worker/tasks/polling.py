"""Poll a provider for the result of a call; nothing here is paid for."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from models.errors import ImageError
from models.outcomes import Billed, CallResult, Outcome
from models.queries.bulk import storable
from models.queries.leases import LeasedJob
from worker.tasks.context import TaskContext
from worker.upstream.handles import Handles, task_url
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


class PollAddress(StrEnum):
    """Where a result can be polled."""

    LINK = "link"  #: a public URL from the answer: without a key, and guarded like a download
    TASK = "task"  #: the provider's task endpoint, with the channel's key


def poll_addresses(context: TaskContext, job: LeasedJob, handles: Handles) -> list[PollAddress]:
    """Return where these handles can be polled, the best first."""
    route = context.services.routes.get(job.channel)
    has_tasks = route is not None and route.preset.task_path is not None
    link = [PollAddress.LINK] if handles.poll_url else []
    return [*link, PollAddress.TASK] if handles.task_id and has_tasks else link


async def poll(context: TaskContext, job: LeasedJob, handles: Handles, address: PollAddress) -> PollState:
    """Poll once."""
    if address is PollAddress.LINK:
        response = await _get_link(context, handles)
    else:
        response = await _get_task(context, job, handles)
    if isinstance(response, PollState):
        return response
    input_urls = (*job.request.get("images", ()), *_URL.findall(job.prompt))
    status, headers, body = response

    def read() -> PollState:
        return read_poll(status, headers, body, input_urls=input_urls)

    return await _run(len(body), read)


async def poll_once(context: TaskContext, job: LeasedJob, handles: Handles) -> PollState:
    """Poll each address until one shows images; return the first state that is known."""
    best = PollState(PollStage.UNKNOWN)
    for address in poll_addresses(context, job, handles):
        state = await poll(context, job, handles, address)
        if state.images or state.videos:
            return state
        best = state if best.stage is PollStage.UNKNOWN else best
    return best


async def _get_link(context: TaskContext, handles: Handles) -> Response | PollState:
    try:
        found = await context.services.documents.read(handles.poll_url or "")
    except ImageError as error:
        if error.retryable:
            return PollState(PollStage.UNCLEAR)
        return PollState(PollStage.UNKNOWN, result=TASK_NOT_FOUND)
    return found.status, found.headers, found.body


async def _get_task(context: TaskContext, job: LeasedJob, handles: Handles) -> Response | PollState:
    route = context.services.routes[job.channel]
    chat = endpoint(str(route.settings.base_url))
    url = task_url(chat, route.preset.task_path or "", handles.task_id or "")
    key = route.settings.api_key.get_secret_value()
    found = await context.services.task_client.read(url, api_key=key, headers=route.preset.headers)
    return (found.status, found.headers, found.body) if found else PollState(PollStage.UNCLEAR)


async def _run(size: int, read: Callable[[], PollState]) -> PollState:
    return await asyncio.to_thread(read) if size > _THREAD_FROM else read()
