"""Review: verdicts on many items at once, their undo, and the next item for a reviewer."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.auth import Caller
from api.campaigns.control import spec_of
from api.campaigns.documents import action_document, takes_document
from api.campaigns.lookup import get_named
from api.campaigns.selection import GivenItems, check_expected, choose, filter_json, preview
from api.services import ApiServices
from api.web.problems import not_found
from models.campaigns.actions import ActionKind, ActionStatus, verdict_refusal
from models.campaigns.item_state import ItemState
from models.clock import rfc3339
from models.errors import Conflict, InvalidRequest
from models.ids import new_id, parse_id, public_id
from models.queries.campaigns import actions, verdicts
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.counts import count_items
from models.queries.short_ids import whole_id

VERDICTS_PER_REQUEST = 10_000
REVIEW_CLAIM = timedelta(minutes=2)
"""For so long nobody else is given an item that a reviewer was given."""
_TRIES = 20  # items that others take at the same moment


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRequest:
    """A verdict, and on which items."""

    given: GivenItems
    verdict: str  #: pick, reject or none
    reason: str | None
    dry_run: bool
    expected_count: int | None


async def give_verdicts(
    services: ApiServices, caller: Caller, name: str, request: VerdictRequest
) -> dict[str, Any]:
    """Add a verdict of a person on each item with a picture, all or none; return the action as JSON.

    Raises the 404 problem of items of other campaigns, and the 409 problem with both numbers.
    """
    at = services.clock()
    opened = services.database
    async with opened.reading() if request.dry_run else opened.writing() as connection:
        campaign = await get_named(connection, caller, name)
        spec_of(campaign)
        choice = await choose(connection, campaign, request.given)
        most_takes = services.settings.campaign_takes
        found = await preview(connection, choice, verdict_refusal, most_takes=most_takes)
        check_expected(request.expected_count, found.eligible)
        if found.eligible > VERDICTS_PER_REQUEST:
            words = (
                f"these are {found.eligible:,} items; {VERDICTS_PER_REQUEST:,} at most get a verdict at once"
            )
            raise InvalidRequest("filter", words)
        values: dict[str, Any] = {
            "caller_id": campaign.caller_id,
            "campaign_id": campaign.id,
            "kind": ActionKind.VERDICT.value,
            "status": ActionStatus.FINISHED.value,
            "parameters": {"verdict": request.verdict, "reason": request.reason},
            "filter": filter_json(choice),
            "key_id": caller.key_id,
            "by": caller.by,
            "eligible": found.eligible,
            "frozen": 0,
            "done": 0,
            "skipped": found.skipped.to_json(),
            "samples": [],
            "may_pay_twice": 0,
            "cost": {},
        }
        if request.dry_run:
            return action_document(campaign, {**values, "id": None, "status": "dry_run"})
        decided = await verdicts.lock_chosen(connection, found.conditions, limit=VERDICTS_PER_REQUEST)
        more = {"done": len(decided), "finished_at": at}
        action = await actions.insert_action(connection, new_id(), at=at, values={**values, **more})
        person = {
            "campaign_id": campaign.id,
            "verdict": request.verdict,
            "source": "person",
            "reason": request.reason,
            "key_id": caller.key_id,
            "by": caller.by,
            "action_id": action.id,
            "at": at,
        }
        await verdicts.insert_verdicts(connection, decided, person)
        describe_change(
            target=public_id("camp", campaign.id),
            filter=action.filter,
            count=len(decided),
            after={name: value for name, value in action.parameters.items() if value is not None},
        )
    return action_document(campaign, action)


async def undo_last(services: ApiServices, caller: Caller, name: str) -> dict[str, Any]:
    """Undo the last verdict action of the caller's key that was not undone; return it as JSON."""
    at = services.clock()
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name)
        action = await actions.last_verdict_action(connection, campaign.id, campaign.caller_id, caller.key_id)
        if action is None:
            raise Conflict("There is no verdict of your key on this campaign to undo.")
        await verdicts.undo_verdicts(connection, action.id, at)
        await actions.change_action(connection, action.id, at=at, changes={"undone_at": at})
        undone = await actions.find_action(connection, action.id)
    assert undone is not None
    return action_document(campaign, undone)


async def next_item(services: ApiServices, caller: Caller, name: str, after: str | None) -> dict[str, Any]:
    """Return the next item with a picture and without a verdict, and how many there are.

    It is the caller's key's for ``REVIEW_CLAIM``, also when it is asked for again. ``after``: an item that
    is left for later.
    """
    at = services.clock()
    reviewer = caller.key_id or caller.id
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name)
        spec_of(campaign)
        position = await _position(connection, campaign, after)
        for _ in range(_TRIES):
            found = await verdicts.next_unjudged(connection, campaign.id, reviewer, after=position, at=at)
            if found is None or await verdicts.claim_review(
                connection, found.id, reviewer, until=at + REVIEW_CLAIM, at=at
            ):
                break
        else:
            found = None
        item = (await takes_document(services, connection, [found]))[0] if found else None
        counts = (await count_items(connection, [campaign.id]))[campaign.id]
    return {
        "item": item,
        "claimed_until": rfc3339(at + REVIEW_CLAIM) if item else None,
        "unjudged": counts.get(ItemState.MADE, 0),
    }


async def _position(connection: AsyncConnection, campaign: Campaign, after: str | None) -> int | None:
    if after is None:
        return None
    whole = await whole_id(connection, "item", after, caller_id=campaign.caller_id, field="after")
    found = await verdicts.find_position(connection, campaign.id, parse_id("item", whole))
    if found is None:
        raise not_found(f"The campaign has no item {after[:64]!r}.")
    return found
