"""Bulk actions on the items of a planned campaign, begun as the API begins them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

from models.campaigns.item_filter import ItemFilter
from models.campaigns.repair import Repair
from models.ids import new_id
from models.queries.campaigns import actions
from models.queries.campaigns.actions import Action
from models.queries.campaigns.item_facts import ItemChoice, allowed, count_by_facts
from models.queries.transitions import Transition, apply
from models.states import JobStatus
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.conftest import Planned, colours, plan
from worker.campaigns.action_runner import ActionRunner

MOST_TAKES = 20


async def begin(planned: Planned, repair: Repair, wanted: ItemFilter | None = None) -> UUID:
    """Freeze the items that a repair is for, and return the action."""
    database, choice = planned.darkroom.services.database, ItemChoice(planned.id, wanted or ItemFilter())
    async with database.writing() as connection:
        facts = await count_by_facts(connection, choice, most_takes=MOST_TAKES)
        chosen = [*choice.conditions(), allowed(facts, repair.refusal, most_takes=MOST_TAKES)]
        eligible = sum(count for each, count in facts.items() if repair.refusal(each) is None)
        values: dict[str, Any] = {
            "caller_id": planned.caller,
            "campaign_id": planned.id,
            "kind": repair.kind.value,
            "status": "running",
            "parameters": repair.to_json(),
            "filter": {},
            "by": "ops",
            "eligible": eligible,
            "frozen": eligible,
            "done": 0,
            "skipped": [],
            "samples": [],
            "may_pay_twice": 0,
            "cost": {},
        }
        action = await actions.insert_action(connection, new_id(), at=planned.darkroom.clock(), values=values)
        assert await actions.freeze_items(connection, action.id, chosen) == eligible
    return action.id


async def read(planned: Planned, key: UUID) -> Action:
    """Return an action as it is now."""
    async with planned.darkroom.services.database.reading() as connection:
        found = await actions.find_action(connection, key)
    assert found is not None
    return found


async def abort(planned: Planned, key: UUID) -> None:
    """Abort an action, as the API does."""
    async with planned.darkroom.services.database.writing() as connection:
        changes = {"status": "aborted"}
        await actions.change_action(connection, key, at=planned.darkroom.clock(), changes=changes)


async def finished_campaign(darkroom: Darkroom, count: int, failing: int = 0, **members: Any) -> Planned:
    """Return a campaign whose first items failed, and whose others were made."""
    planned = await plan(darkroom, colours(count), failing={"enabled": False}, **members)
    await planned.start()
    await planned.controller.run_round()
    takes = [take for take in await planned.takes() if take.campaign == planned.spec.name]
    await end_takes(planned, [take.id for take in takes[:failing]], JobStatus.FAILED)
    await end_takes(planned, [take.id for take in takes[failing:]], JobStatus.SUCCEEDED)
    await planned.controller.run_round()
    assert await planned.status() == "finished"
    return planned


async def end_takes(planned: Planned, job_ids: Sequence[UUID], status: JobStatus) -> None:
    """Let the calls of takes end, as a worker does."""
    at = planned.darkroom.clock()
    path = [JobStatus.QUEUED, JobStatus.LEASED, JobStatus.RUNNING, status]
    for leaving, entering in pairwise(path):
        changes: dict[str, Any] = {"finished_at": at} if entering is status else {}
        if status is JobStatus.FAILED and entering is status:
            changes["error"] = {"code": "upstream_error", "message": "it failed"}
        async with planned.darkroom.services.database.writing() as connection:
            made = await apply(
                connection, [Transition(key, leaving, entering, at, changes=changes) for key in job_ids]
            )
            assert len(made) == len(job_ids)


def runner(planned: Planned) -> ActionRunner:
    """Return the action runner of a new worker."""
    controller = planned.controller
    return ActionRunner(planned.darkroom.services, controller._halt, controller._freed)
