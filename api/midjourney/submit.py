"""Accepting a task: its row, its parts and their jobs are born together, or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.jobs.schemas import web_address
from api.jobs.submit import QUEUE_FULL, Accepted, accept
from api.jobs.validation import Draft, Fault, check_target, draft
from api.midjourney.context import Asked
from api.midjourney.deduplication import check, remember
from api.midjourney.image_inputs import store_pictures
from api.midjourney.responses import Refusal, dialog, envelope, legible
from api.midjourney.task_ids import new_number
from api.midjourney.translate import PRIORITIES
from models.errors import InvalidRequest
from models.midjourney.protocol import Action, Bot, Code, Mode
from models.midjourney.serializers import INSTANCE
from models.queries.callers import lock_queue_room
from models.queries.jobs import NewJob
from models.queries.midjourney.tasks import continue_task, count_waiting, insert_task
from models.states import OnUnknown
from worker.midjourney.notify_hook import tell_end

SURFACE = "midjourney"
PREPARE = "prepare"  #: how a job's input pictures are changed before they are sent; no caller can say it
EACH = "each"  #: in a task's request: its jobs, where they are not all alike
COUNTED = 1000  #: waiting tasks that are counted at most for those who only want to know
_NUMBERS = 50  # tries to find a free one


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task as it is born."""

    action: Action
    prompt: str | None
    description: str
    bot: Bot
    mode: Mode
    request: Mapping[str, Any] = field(default_factory=dict)  #: what follow-up tasks begin with
    parent_id: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    ended: Mapping[str, Any] = field(default_factory=dict)  #: columns of one that is over at birth
    modal: Mapping[str, Any] | None = None  #: what a dialog asks for
    continues: int | None = None  #: the task that waited for a dialog and goes on as this one


@dataclass(frozen=True, slots=True)
class Born:
    """A task that was accepted. ``ahead``: how many of the caller's tasks wait before it."""

    number: int
    ahead: int = 0


async def submit_jobs(
    asked: Asked, task: NewTask, jobs: Sequence[Mapping[str, Any]], *, always_one: bool = False
) -> Response:
    """Accept a task whose parts are these jobs, each as the native API would take it, and answer.

    ``always_one``: never with code 22, which clients of some verbs take for a failure.
    """
    drafts = [_draft(asked, task, job) for job in jobs]
    if asked.pictures:
        await _look_ahead(asked, len(drafts))
        await store_pictures(asked)
    born: list[Born] = []

    async def beside(connection: AsyncConnection, accepted: Accepted) -> None:
        if accepted.rejected:
            first = accepted.rejected[0]
            full = first["code"] == QUEUE_FULL
            raise Refusal(Code.QUEUE_FULL if full else Code.INVALID, legible(first["message"]))
        born.append(await _born(connection, asked, task, accepted.jobs))

    await accept(asked.services, asked.caller, drafts, surface=SURFACE, once=None, at=asked.at, beside=beside)
    return answer(asked, born[0], always_one=always_one)


async def submit_ended(asked: Asked, task: NewTask) -> Response:
    """Accept a task that needs no call: it has ended already, or waits for a dialog."""
    async with asked.services.database.writing() as connection:
        number = await _insert(connection, asked, task, ())
        await remember(connection, asked.caller, asked.repeat, asked.at, number=number)
        settings = asked.services.settings
        told = bool(task.ended) and await tell_end(connection, number, settings=settings, at=asked.at)
    if told:
        asked.services.doorbell.ring()
    return answer(asked, Born(number))


async def submit_dialog(asked: Asked, task: NewTask) -> Response:
    """Accept a task that waits until the client has sent ``modal``, and ask for that.

    It costs nothing, and the same button may open many dialogs: only a key makes two of them one.
    """
    repeat = None if asked.repeat is None or asked.repeat.by_content else asked.repeat
    async with asked.services.database.writing() as connection:
        number = await _insert(connection, asked, task, ())
        await remember(connection, asked.caller, repeat, asked.at, number=number)
    return dialog(number, task.properties)


def answer(asked: Asked, born: Born, *, always_one: bool = False) -> Response:
    """Tell a task's number, and how many wait before it."""
    always_one = always_one or asked.services.settings.midjourney_always_one
    queued = born.ahead > 0 and not always_one
    properties: dict[str, Any] = {"discordInstanceId": INSTANCE}
    if born.ahead:
        properties["numberOfQueues"] = born.ahead
    if queued:
        words = f"Accepted. {born.ahead} of your tasks are ahead of it."
        return envelope(Code.QUEUED, words, str(born.number), **properties)
    return envelope(Code.SUCCESS, "Submitted.", str(born.number), **properties)


def _draft(asked: Asked, task: NewTask, job: Mapping[str, Any]) -> Draft:
    """Check one part. Raises ``Refusal``."""
    settings = asked.services.settings
    given = {
        "priority": PRIORITIES[task.mode],
        "on_unknown": _on_unknown(settings.on_unknown),
        "expires_in": settings.midjourney_deadline,
        **job,
    }
    prepare = given.pop(PREPARE, None)
    made = draft(given, settings, asked.at)
    if isinstance(made, Fault):
        raise Refusal(Code.INVALID, legible(made.message))
    return made if prepare is None else made.asking(**{PREPARE: prepare})


def _on_unknown(usual: OnUnknown) -> str:
    """Nobody can decide about a held job here: where the settings would hold it, the task fails instead."""
    return (OnUnknown.FAIL if usual is OnUnknown.HOLD else usual).value


async def _look_ahead(asked: Asked, jobs: int) -> None:
    """Refuse early what is refused later anyway, so that no picture is stored for it."""
    hook_of(asked)
    async with asked.services.database.reading() as connection:
        await _waiting(connection, asked)
        limited = asked.caller.max_queued is not None
        room = await lock_queue_room(connection, asked.caller.id) if limited else None
    if room is not None and room.left < jobs:
        words = f"{room.limit:,} jobs of your key may wait; hand in more when some have started."
        raise Refusal(Code.QUEUE_FULL, words, discordInstanceId=INSTANCE)


async def _waiting(connection: AsyncConnection, asked: Asked) -> int:
    """Count the caller's tasks that wait. Raises ``Refusal`` if no more may."""
    limit = asked.services.settings.midjourney_queue
    most = COUNTED if limit is None else limit
    ahead = await count_waiting(connection, asked.caller.id, most=most, lock=limit is not None)
    if limit is not None and ahead >= limit:
        await check(connection, asked.caller, asked.repeat, asked.at)
        words = (
            f"{ahead} of your tasks wait already, which is all that may. Try again when some have started."
        )
        raise Refusal(Code.QUEUE_FULL, words, discordInstanceId=INSTANCE)
    return ahead


async def _born(connection: AsyncConnection, asked: Asked, task: NewTask, jobs: Sequence[NewJob]) -> Born:
    ahead = await _waiting(connection, asked)
    if task.continues is not None:
        await remember(connection, asked.caller, asked.repeat, asked.at, number=task.continues)
        return Born(await _go_on(connection, asked, task, task.continues, jobs), ahead)
    number = await _insert(connection, asked, task, jobs)
    await remember(connection, asked.caller, asked.repeat, asked.at, number=number)
    return Born(number, ahead)


async def _go_on(
    connection: AsyncConnection, asked: Asked, task: NewTask, number: int, jobs: Sequence[NewJob]
) -> int:
    """Let the task that waited go on. Its time begins now: clients give up on old ones."""
    row = _row(asked, task, len(jobs))
    kept = {"hash", "parent_id", "told", "caller_id", "modal"}
    kept |= {name for name in ("state", "notify_hook") if row[name] is None}
    changes = {name: value for name, value in row.items() if name not in kept}
    if not await continue_task(connection, number, changes, [job.id for job in jobs]):
        raise Refusal(Code.INVALID, "This task does not wait for a dialog any more.")
    return number


async def _insert(connection: AsyncConnection, asked: Asked, task: NewTask, jobs: Sequence[NewJob]) -> int:
    row = _row(asked, task, len(jobs))
    for _ in range(_NUMBERS):
        number = new_number(asked.at)
        if await insert_task(connection, {**row, "id": number}, [job.id for job in jobs]):
            return number
    raise Refusal(Code.FAILURE, "Too many tasks in one moment. Send it again.", status=503)


def _row(asked: Asked, task: NewTask, calls: int) -> dict[str, Any]:
    return {
        "caller_id": asked.caller.id,
        "action": task.action.value,
        "prompt": task.prompt,
        "description": task.description,
        "state": asked.body.state,
        "bot": task.bot.value,
        "mode": task.mode.value,
        "hash": uuid4(),
        "parent_id": task.parent_id,
        "request": {**task.request, "calls": calls},
        "properties": dict(task.properties),
        "modal": task.modal,
        "notify_hook": hook_of(asked),
        "told": 0,
        "pictures": [],
        "cancelled": False,
        "submitted_at": asked.at,
        **task.ended,
    }


def hook_of(asked: Asked) -> str | None:
    """Return the address that wants to be told, if there is one. Raises ``InvalidRequest``."""
    hook = (asked.body.notify_hook or "").strip()
    if not hook:
        return None
    try:
        web_address(hook)
    except ValueError as error:
        raise InvalidRequest("notifyHook", str(error)) from error
    check_target("notifyHook", hook, asked.services.settings)
    return hook
