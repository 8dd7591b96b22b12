"""Submit a task: insert its row, its parts and their jobs in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.jobs.input_images import asset_sizes
from api.jobs.schemas import check_web_url
from api.jobs.submit import QUEUE_FULL, insert_submitted
from api.jobs.submit_result import SubmitResult
from api.jobs.validation import Rejection, ValidJob, check_webhook_url, validate
from api.midjourney.context import RequestContext
from api.midjourney.deduplication import check_duplicate, record_submit
from api.midjourney.free_slots import any_slot_free
from api.midjourney.image_inputs import store_images
from api.midjourney.job_specs import PREPARE, JobSpec
from api.midjourney.responses import SubmitError, dialog_response, short_text, submit_response
from api.midjourney.task_ids import new_task_id
from models.errors import InvalidRequest
from models.ids import new_id
from models.midjourney.protocol import Action, Bot, Code, Mode
from models.midjourney.seeds import shift_seed
from models.midjourney.serializers import DISCORD_INSTANCE
from models.queries.callers import lock_queue_room
from models.queries.jobs import NewJob
from models.queries.midjourney.tasks import continue_task, count_waiting, insert_task
from models.states import OnUnknown
from worker.images.input_limits import check_input_sizes
from worker.midjourney.notify_hook import enqueue_all

SURFACE = "midjourney"
EACH = "each"
"""Member of a task's request: the specifications of its jobs, where they are not alike."""

MAX_COUNTED = 1000
"""Waiting tasks that are counted at most where no limit needs the exact number."""

PRIORITIES: Mapping[Mode, int] = {Mode.RELAX: 3, Mode.FAST: 5, Mode.TURBO: 7}
"""Priority of a task's jobs among those of its caller: larger is sooner."""

_ID_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to insert."""

    action: Action
    prompt: str | None
    description: str
    bot: Bot
    mode: Mode
    request: Mapping[str, Any] = field(default_factory=dict)  #: what follow-up tasks begin with
    parent_id: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)  #: columns of a task that ends with its submit
    modal: Mapping[str, Any] | None = None  #: the button whose dialog the task waits for
    dialog_task_id: int | None = None  #: the task that waited for a dialog and goes on as this one


@dataclass(frozen=True, slots=True)
class SubmittedTask:
    """An accepted task. ``ahead``: how many of the caller's tasks wait before it; 0 while a slot is free."""

    id: int
    ahead: int = 0


async def submit_jobs(
    context: RequestContext, task: NewTask, specs: Sequence[JobSpec], *, always_one: bool = False
) -> Response:
    """Accept a task with the jobs of these specifications, and answer.

    ``always_one``: never with code 22, which clients of some actions take for a failure.
    Raises ``SubmitError``, ``DuplicateSubmit``.
    """
    valid_jobs = [job for spec in specs for job in _valid_jobs(context, task, spec)]
    if context.input_images:
        await _check_sizes(context, valid_jobs)
        await _check_room(context, len(valid_jobs))
        await store_images(context)
    submitted: list[SubmittedTask] = []

    async def insert_task_with_jobs(connection: AsyncConnection, result: SubmitResult) -> None:
        if result.rejected:
            first = result.rejected[0]
            full = first["code"] == QUEUE_FULL
            raise SubmitError(Code.QUEUE_FULL if full else Code.INVALID, short_text(first["message"]))
        submitted.append(await _insert_or_continue(connection, context, task, result.jobs))

    await insert_submitted(
        context.services,
        context.caller,
        valid_jobs,
        surface=SURFACE,
        idempotency_key=None,
        at=context.at,
        in_transaction=insert_task_with_jobs,
    )
    return task_response(context, submitted[0], always_one=always_one)


async def submit_ended(context: RequestContext, task: NewTask) -> Response:
    """Accept a task that needs no call and has its result already; it is shown in progress for a moment."""
    delay = timedelta(seconds=context.services.settings.midjourney_instant_delay)
    times = {"started_at": context.at, "finished_at": context.at + delay}
    task = replace(task, result={**task.result, **times})
    async with context.services.database.writing() as connection:
        task_id = await _insert(connection, context, task, ())
        await record_submit(connection, context.caller, context.duplicate_key, context.at, task_id=task_id)
        settings = context.services.settings
        enqueued = await enqueue_all(connection, task_id, settings=settings, at=context.at)
    if enqueued:
        context.services.notifier.notify()
    return task_response(context, SubmittedTask(task_id))


async def submit_dialog(context: RequestContext, task: NewTask) -> Response:
    """Accept a task that waits until the client sends ``modal``, and answer with its dialog.

    It costs nothing, and one button may open many dialogs: only an Idempotency-Key makes two of them one.
    """
    key = context.duplicate_key
    async with context.services.database.writing() as connection:
        task_id = await _insert(connection, context, task, ())
        if key is not None and not key.by_content:
            await record_submit(connection, context.caller, key, context.at, task_id=task_id)
    return dialog_response(task_id, task.properties)


def task_response(context: RequestContext, task: SubmittedTask, *, always_one: bool = False) -> Response:
    """Answer with a task's id, and how many tasks wait before it."""
    always_one = always_one or context.services.settings.midjourney_always_one
    properties: dict[str, Any] = {"discordInstanceId": DISCORD_INSTANCE}
    if task.ahead:
        properties["numberOfQueues"] = task.ahead
    if task.ahead and not always_one:
        description = f"Accepted. {task.ahead} of your tasks are ahead of it."
        return submit_response(Code.QUEUED, description, str(task.id), **properties)
    return submit_response(Code.SUCCESS, "Submitted.", str(task.id), **properties)


def notify_hook_of(context: RequestContext) -> str | None:
    """Return the URL of the task's own webhook, if any. Raises ``InvalidRequest``."""
    hook = (context.body.notify_hook or "").strip()
    if not hook:
        return None
    try:
        check_web_url(hook)
    except ValueError as error:
        raise InvalidRequest("notifyHook", str(error)) from error
    check_webhook_url("notifyHook", hook, context.services.settings)
    return hook


def _valid_jobs(context: RequestContext, task: NewTask, spec: JobSpec) -> list[ValidJob]:
    """Validate a specification once; return its jobs, which differ in their seed. Raises ``SubmitError``."""
    settings = context.services.settings
    submission = spec.members() | {
        "n": spec.n,
        "priority": PRIORITIES[task.mode],
        "on_unknown": _on_unknown(settings.on_unknown),
        "expires_in": settings.midjourney_deadline,
    }
    valid = validate(submission, settings, context.at)
    if isinstance(valid, Rejection):
        raise SubmitError(Code.INVALID, short_text(valid.message))
    extra = {} if spec.prepare is None else {PREPARE: dict(spec.prepare)}
    return [
        replace(valid, job=replace(valid.job, id=new_id())).with_request(
            params=shift_seed(spec.params, number), **extra
        )
        for number in range(spec.copies)
    ]


def _on_unknown(configured: OnUnknown) -> str:
    """Return the policy for unknown outcomes: jobs are never held, for clients can't decide about them."""
    return (OnUnknown.FAIL if configured is OnUnknown.HOLD else configured).value


async def _check_sizes(context: RequestContext, jobs: Sequence[ValidJob]) -> None:
    """Raise early what the insert would raise for the input images of a job together."""
    sizes = {image.asset.id: image.size for image in context.input_images}
    others = {key for job in jobs for key in job.assets.values()} - sizes.keys()
    sizes |= await asset_sizes(context.services, context.caller, others)
    for job in jobs:
        given = [sizes[key] for key in job.assets.values() if key in sizes]
        check_input_sizes(given, context.services.settings)


async def _check_room(context: RequestContext, jobs: int) -> None:
    """Raise early what the insert would raise anyway, so that no image is stored for it."""
    notify_hook_of(context)
    async with context.services.database.reading() as connection:
        await _tasks_ahead(connection, context)
        limited = context.caller.max_queued is not None
        room = await lock_queue_room(connection, context.caller.id) if limited else None
    if room is not None and room.left < jobs:
        description = f"{room.limit:,} jobs of your key may wait; submit more when some have started."
        raise SubmitError(Code.QUEUE_FULL, description, discordInstanceId=DISCORD_INSTANCE)


async def _tasks_ahead(connection: AsyncConnection, context: RequestContext) -> int:
    """Count the caller's waiting tasks. Raises ``SubmitError`` if the limit allows no further one."""
    limit = context.services.settings.midjourney_queue
    most = MAX_COUNTED if limit is None else limit
    ahead = await count_waiting(connection, context.caller.id, most=most, lock=limit is not None)
    if limit is not None and ahead >= limit:
        await check_duplicate(connection, context.caller, context.duplicate_key, context.at)
        description = (
            f"{ahead} of your tasks wait already, which is all that may. Try again when some have started."
        )
        raise SubmitError(Code.QUEUE_FULL, description, discordInstanceId=DISCORD_INSTANCE)
    return ahead


async def _insert_or_continue(
    connection: AsyncConnection, context: RequestContext, task: NewTask, jobs: Sequence[NewJob]
) -> SubmittedTask:
    ahead, task_id = await _tasks_ahead(connection, context), task.dialog_task_id
    if ahead and await any_slot_free(connection, context.services, context.caller.id, jobs, context.at):
        ahead = 0
    if task_id is not None:
        await record_submit(connection, context.caller, context.duplicate_key, context.at, task_id=task_id)
        await _continue_dialog(connection, context, task, task_id, jobs)
        return SubmittedTask(task_id, ahead)
    task_id = await _insert(connection, context, task, jobs)
    await record_submit(connection, context.caller, context.duplicate_key, context.at, task_id=task_id)
    return SubmittedTask(task_id, ahead)


async def _continue_dialog(
    connection: AsyncConnection,
    context: RequestContext,
    task: NewTask,
    task_id: int,
    jobs: Sequence[NewJob],
) -> None:
    """Give a task that waited for a dialog its jobs. Its submit time is now: clients give up on old ones."""
    row = _row(context, task, len(jobs))
    unchanged = {"hash", "parent_id", "told", "caller_id", "modal"}
    unchanged |= {name for name in ("state", "notify_hook") if row[name] is None}
    changes = {name: value for name, value in row.items() if name not in unchanged}
    if not await continue_task(connection, task_id, changes, [job.id for job in jobs]):
        raise SubmitError(Code.INVALID, "This task does not wait for a dialog any more.")


async def _insert(
    connection: AsyncConnection, context: RequestContext, task: NewTask, jobs: Sequence[NewJob]
) -> int:
    row = _row(context, task, len(jobs))
    for _ in range(_ID_TRIES):
        task_id = new_task_id(context.at)
        if await insert_task(connection, {**row, "id": task_id}, [job.id for job in jobs]):
            return task_id
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
        "notify_hook": notify_hook_of(context),
        "told": 0,
        "pictures": [],
        "cancelled": False,
        "submitted_at": context.at,
        **task.result,
    }
