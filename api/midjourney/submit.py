"""Accepting a task: its row, its parts and their jobs are born together, or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.jobs.schemas import check_web_url
from api.jobs.submit import QUEUE_FULL, insert_submitted
from api.jobs.submit_result import SubmitResult
from api.jobs.validation import Rejection, ValidJob, check_webhook_url, validate
from api.midjourney.context import RequestContext
from api.midjourney.deduplication import check, remember
from api.midjourney.image_inputs import store_pictures
from api.midjourney.responses import SubmitError, dialog, legible, submit_response
from api.midjourney.task_ids import new_number
from api.midjourney.translate import PRIORITIES
from models.errors import InvalidRequest
from models.midjourney.protocol import Action, Bot, Code, Mode
from models.midjourney.serializers import INSTANCE
from models.queries.callers import lock_queue_room
from models.queries.jobs import NewJob
from models.queries.midjourney.tasks import continue_task, count_waiting, insert_task
from models.states import OnUnknown
from worker.midjourney.notify_hook import enqueue_end

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
class SubmittedTask:
    """A task that was accepted. ``ahead``: how many of the caller's tasks wait before it."""

    number: int
    ahead: int = 0


async def submit_jobs(
    context: RequestContext, task: NewTask, jobs: Sequence[Mapping[str, Any]], *, always_one: bool = False
) -> Response:
    """Accept a task whose parts are these jobs, each as the native API would take it, and answer.

    ``always_one``: never with code 22, which clients of some verbs take for a failure.
    """
    valid_jobs = [_draft(context, task, job) for job in jobs]
    if context.pictures:
        await _check_room(context, len(valid_jobs))
        await store_pictures(context)
    born: list[SubmittedTask] = []

    async def beside(connection: AsyncConnection, result: SubmitResult) -> None:
        if result.rejected:
            first = result.rejected[0]
            full = first["code"] == QUEUE_FULL
            raise SubmitError(Code.QUEUE_FULL if full else Code.INVALID, legible(first["message"]))
        born.append(await _submitted(connection, context, task, result.jobs))

    await insert_submitted(
        context.services,
        context.caller,
        valid_jobs,
        surface=SURFACE,
        idempotency_key=None,
        at=context.at,
        in_transaction=beside,
    )
    return answer(context, born[0], always_one=always_one)


async def submit_ended(context: RequestContext, task: NewTask) -> Response:
    """Accept a task that needs no call: it has ended already, or waits for a dialog."""
    async with context.services.database.writing() as connection:
        number = await _insert(connection, context, task, ())
        await remember(connection, context.caller, context.duplicate_key, context.at, number=number)
        settings = context.services.settings
        told = bool(task.ended) and await enqueue_end(connection, number, settings=settings, at=context.at)
    if told:
        context.services.notifier.notify()
    return answer(context, SubmittedTask(number))


async def submit_dialog(context: RequestContext, task: NewTask) -> Response:
    """Accept a task that waits until the client has sent ``modal``, and ask for that.

    It costs nothing, and the same button may open many dialogs: only a key makes two of them one.
    """
    repeat = (
        None if context.duplicate_key is None or context.duplicate_key.by_content else context.duplicate_key
    )
    async with context.services.database.writing() as connection:
        number = await _insert(connection, context, task, ())
        await remember(connection, context.caller, repeat, context.at, number=number)
    return dialog(number, task.properties)


def answer(context: RequestContext, born: SubmittedTask, *, always_one: bool = False) -> Response:
    """Tell a task's number, and how many wait before it."""
    always_one = always_one or context.services.settings.midjourney_always_one
    queued = born.ahead > 0 and not always_one
    properties: dict[str, Any] = {"discordInstanceId": INSTANCE}
    if born.ahead:
        properties["numberOfQueues"] = born.ahead
    if queued:
        words = f"Accepted. {born.ahead} of your tasks are ahead of it."
        return submit_response(Code.QUEUED, words, str(born.number), **properties)
    return submit_response(Code.SUCCESS, "Submitted.", str(born.number), **properties)


def _draft(context: RequestContext, task: NewTask, job: Mapping[str, Any]) -> ValidJob:
    """Check one part. Raises ``Refusal``."""
    settings = context.services.settings
    given = {
        "priority": PRIORITIES[task.mode],
        "on_unknown": _on_unknown(settings.on_unknown),
        "expires_in": settings.midjourney_deadline,
        **job,
    }
    prepare = given.pop(PREPARE, None)
    made = validate(given, settings, context.at)
    if isinstance(made, Rejection):
        raise SubmitError(Code.INVALID, legible(made.message))
    return made if prepare is None else made.with_request(**{PREPARE: prepare})


def _on_unknown(usual: OnUnknown) -> str:
    """Nobody can decide about a held job here: where the settings would hold it, the task fails instead."""
    return (OnUnknown.FAIL if usual is OnUnknown.HOLD else usual).value


async def _check_room(context: RequestContext, jobs: int) -> None:
    """Refuse early what is refused later anyway, so that no picture is stored for it."""
    hook_of(context)
    async with context.services.database.reading() as connection:
        await _waiting(connection, context)
        limited = context.caller.max_queued is not None
        room = await lock_queue_room(connection, context.caller.id) if limited else None
    if room is not None and room.left < jobs:
        words = f"{room.limit:,} jobs of your key may wait; hand in more when some have started."
        raise SubmitError(Code.QUEUE_FULL, words, discordInstanceId=INSTANCE)


async def _waiting(connection: AsyncConnection, context: RequestContext) -> int:
    """Count the caller's tasks that wait. Raises ``Refusal`` if no more may."""
    limit = context.services.settings.midjourney_queue
    most = COUNTED if limit is None else limit
    ahead = await count_waiting(connection, context.caller.id, most=most, lock=limit is not None)
    if limit is not None and ahead >= limit:
        await check(connection, context.caller, context.duplicate_key, context.at)
        words = (
            f"{ahead} of your tasks wait already, which is all that may. Try again when some have started."
        )
        raise SubmitError(Code.QUEUE_FULL, words, discordInstanceId=INSTANCE)
    return ahead


async def _submitted(
    connection: AsyncConnection, context: RequestContext, task: NewTask, jobs: Sequence[NewJob]
) -> SubmittedTask:
    ahead = await _waiting(connection, context)
    if task.continues is not None:
        await remember(connection, context.caller, context.duplicate_key, context.at, number=task.continues)
        return SubmittedTask(await _go_on(connection, context, task, task.continues, jobs), ahead)
    number = await _insert(connection, context, task, jobs)
    await remember(connection, context.caller, context.duplicate_key, context.at, number=number)
    return SubmittedTask(number, ahead)


async def _go_on(
    connection: AsyncConnection, context: RequestContext, task: NewTask, number: int, jobs: Sequence[NewJob]
) -> int:
    """Let the task that waited go on. Its time begins now: clients give up on old ones."""
    row = _row(context, task, len(jobs))
    kept = {"hash", "parent_id", "told", "caller_id", "modal"}
    kept |= {name for name in ("state", "notify_hook") if row[name] is None}
    changes = {name: value for name, value in row.items() if name not in kept}
    if not await continue_task(connection, number, changes, [job.id for job in jobs]):
        raise SubmitError(Code.INVALID, "This task does not wait for a dialog any more.")
    return number


async def _insert(
    connection: AsyncConnection, context: RequestContext, task: NewTask, jobs: Sequence[NewJob]
) -> int:
    row = _row(context, task, len(jobs))
    for _ in range(_NUMBERS):
        number = new_number(context.at)
        if await insert_task(connection, {**row, "id": number}, [job.id for job in jobs]):
            return number
    raise SubmitError(Code.FAILURE, "Too many tasks in one moment. Send it again.", status=503)


def _row(context: RequestContext, task: NewTask, calls: int) -> dict[str, Any]:
    return {
        "caller_id": context.caller.id,
        "action": task.action.value,
        "prompt": task.prompt,
        "description": task.description,
        "state": context.body.state,
        "bot": task.bot.value,
        "mode": task.mode.value,
        "hash": uuid4(),
        "parent_id": task.parent_id,
        "request": {**task.request, "calls": calls},
        "properties": dict(task.properties),
        "modal": task.modal,
        "notify_hook": hook_of(context),
        "told": 0,
        "pictures": [],
        "cancelled": False,
        "submitted_at": context.at,
        **task.ended,
    }


def hook_of(context: RequestContext) -> str | None:
    """Return the address that wants to be told, if there is one. Raises ``InvalidRequest``."""
    hook = (context.body.notify_hook or "").strip()
    if not hook:
        return None
    try:
        check_web_url(hook)
    except ValueError as error:
        raise InvalidRequest("notifyHook", str(error)) from error
    check_webhook_url("notifyHook", hook, context.services.settings)
    return hook
