"""Dialogs that nobody goes on with: they end, so that every task has an end."""

from datetime import timedelta

from models.midjourney.protocol import TaskStatus
from models.queries.midjourney.completion import forgotten_dialogs
from models.queries.midjourney.tasks import end_task
from worker.midjourney.notify_hook import tell_end
from worker.services import Tools

_AT_ONCE = 200


async def lapse(tools: Tools) -> bool:
    """End dialogs that have waited for longer than a task may; tell whether a webhook is to be sent."""
    at, longest = tools.clock(), timedelta(seconds=tools.settings.midjourney_deadline)
    reason = f"Nobody went on with it within {longest.total_seconds():.0f} s; nothing was drawn or charged."
    times = {"started_at": at, "finished_at": at}  # clients count on both
    changes = {"outcome": TaskStatus.FAILURE.value, "fail_reason": reason, **times}
    told = False
    async with tools.database.writing() as connection:
        for task_id in await forgotten_dialogs(connection, at - longest, limit=_AT_ONCE):
            if await end_task(connection, task_id, changes):
                told |= await tell_end(connection, task_id, settings=tools.settings, at=at)
    return told
