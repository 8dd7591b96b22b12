"""Asking a provider what became of a call, wherever it can be asked. Nothing here is paid for."""

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
from worker.upstream.polling.poll import UNKNOWN_TASK, PollStage, PollState, read_poll
from worker.upstream.request import endpoint

_THREAD_FROM = 256 * 1024  # bytes; longer answers are taken apart beside the event loop
_ADDRESS = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)


class PollAddress(StrEnum):
    """Where a result may be asked for."""

    LINK = "link"  #: a public address that the answer gave: without a key, and guarded like a download
    TASK = "task"  #: the provider's own address of the task, with the channel's key


def poll_addresses(context: TaskContext, job: LeasedJob, handles: Handles) -> list[PollAddress]:
    """Return where these handles can be asked for, the best first."""
    route = context.services.routes.get(job.channel)
    offered = route is not None and route.preset.task_path is not None
    return [PollAddress.LINK] * bool(handles.poll_url) + [PollAddress.TASK] * bool(
        handles.task_id and offered
    )


async def poll(context: TaskContext, job: LeasedJob, handles: Handles, place: PollAddress) -> PollState:
    """Ask once."""
    said = await (_link(context, handles) if place is PollAddress.LINK else _task(context, job, handles))
    if isinstance(said, PollState):
        return said
    given = (*job.request.get("images", ()), *_ADDRESS.findall(job.prompt))
    status, headers, body = said

    def read() -> PollState:
        return read_poll(status, headers, body, input_urls=given)

    return await _apart(len(body), read)


async def poll_once(context: TaskContext, job: LeasedJob, handles: Handles) -> PollState:
    """Ask every place until one shows the result; return the most hopeful word."""
    best = PollState(PollStage.UNKNOWN)
    for place in poll_addresses(context, job, handles):
        state = await poll(context, job, handles, place)
        if state.images or state.videos:
            return state
        best = state if best.stage is PollStage.UNKNOWN else best
    return best


async def _link(context: TaskContext, handles: Handles) -> tuple[int, Mapping[str, str], bytes] | PollState:
    try:
        said = await context.services.documents.read(handles.poll_url or "")
    except ImageError as error:
        if error.retryable:
            return PollState(PollStage.UNCLEAR)
        return PollState(PollStage.UNKNOWN, result=UNKNOWN_TASK)
    return said.status, said.headers, said.body


async def _task(
    context: TaskContext, job: LeasedJob, handles: Handles
) -> tuple[int, Mapping[str, str], bytes] | PollState:
    route = context.services.routes[job.channel]
    chat = endpoint(str(route.settings.base_url))
    url = task_url(chat, route.preset.task_path or "", handles.task_id or "")
    key = route.settings.api_key.get_secret_value()
    said = await context.services.task_client.read(url, api_key=key, headers=route.preset.headers)
    return (said.status, said.headers, said.body) if said else PollState(PollStage.UNCLEAR)


async def _apart(size: int, read: Callable[[], PollState]) -> PollState:
    return await asyncio.to_thread(read) if size > _THREAD_FROM else read()


# A call whose answer was lost, and by what it can be asked for again.

_MEMBER = "recover"  # of the job's answer, until the pictures are found

WORKER_LOST = CallResult(
    Outcome.AMBIGUOUS,
    "connection_lost",
    "The worker stopped while the provider was working; the picture may exist and may have been charged.",
    Billed.UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class LostCall:
    """What must be known to ask again, kept in the job's ``answer`` so that any worker can go on."""

    handles: Handles
    number: int  #: the attempt's
    used: int  #: attempts that the job has used up, this one included
    since: datetime  #: when it was lost: the time to ask counts from here
    result: CallResult  #: what the call came to, should nothing be found

    @classmethod
    def of(cls, answer: Mapping[str, Any] | None) -> Self | None:
        """Read what ``to_json`` wrote; ``None`` if the answer is not a lost one."""
        kept = (answer or {}).get(_MEMBER)
        if kept is None:
            return None
        said = kept["verdict"]
        verdict = CallResult(
            Outcome(said["outcome"]),
            said["code"],
            said["message"],
            Billed(said["billed"]),
            provider_status=said["provider_status"],
            provider_message=said["provider_message"],
        )
        since = datetime.fromisoformat(kept["since"])
        return cls(Handles.from_json(kept["handles"]), kept["number"], kept["used"], since, verdict)

    @property
    def why(self) -> str:
        """Say in plain words why the provider is asked."""
        if self.result.outcome is Outcome.PENDING:
            return "the provider works on it as a task, and is asked for the result"
        return "the answer brought no picture; the provider is asked for it again, nothing is paid twice"

    def to_json(self) -> dict[str, Any]:
        """Return the job's answer for as long as nothing is found."""
        words = self.result.provider_message
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
                    "provider_message": storable(words) if words else None,
                },
            }
        }
