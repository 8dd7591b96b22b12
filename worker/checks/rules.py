"""Rules of a campaign about its pictures: what follows once all pictures of a take are examined."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.repair import Reroll
from models.campaigns.spec import CampaignSpec, read_spec
from models.campaigns.status import CampaignStatus
from models.checks.findings import found_in
from models.queries.campaigns import campaigns, picture_checks
from models.queries.campaigns.actions import FrozenItem
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.item_facts import lock_items
from models.queries.campaigns.picture_checks import DuePicture
from models.settings import Settings
from worker.campaigns.next_takes import make_takes, reopen_finished
from worker.checks.vision_questions import insert_questions

_log = structlog.get_logger()


async def apply_rules(
    connection: AsyncConnection, picture: DuePicture, settings: Settings, at: datetime
) -> bool:
    """Apply a campaign's rules to the take of a picture, once all its pictures are examined.

    If all are found wrong, the item gets a further take, else its vision model is asked. Returns whether a
    job was made: it is one like any other, within the campaign's budget, limits and pauses.
    """
    campaign = None
    if picture.campaign_id is not None and picture.item_id is not None:
        campaign = await campaigns.get(connection, picture.campaign_id)
    spec = open_spec(campaign, at) if campaign else None
    if campaign is None or spec is None or not (spec.checks.rerolling or spec.vision):
        return False
    item = await lock_item(connection, picture.item_id, take=picture.job_id)
    if item is None or item.verdict is not None:
        return False
    pictures = await picture_checks.pictures_of_takes(connection, [picture.job_id])
    if not pictures or any(each.check_due_at is not None for each in pictures):
        return False  # the last one that is examined decides
    if all(spec.checks.reroll_reason(found_in(each)) for each in pictures) and await make_again(
        connection, campaign, spec, item, settings, at
    ):
        return True
    return spec.vision is not None and await insert_questions(
        connection, campaign, spec, item, pictures, settings, at
    )


def open_spec(campaign: Campaign, at: datetime) -> CampaignSpec | None:
    """Return the definition of a campaign for which further calls may be made; ``None``: none may."""
    if campaign.status in (CampaignStatus.DRAFT, CampaignStatus.CANCELLED):
        return None
    if campaign.deadline is not None and campaign.deadline <= at:
        return None
    try:
        return read_spec(campaign.spec or {})
    except ValueError as error:
        _log.warning("the rules of a campaign can't be read", campaign=campaign.name, error=str(error)[:300])
        return None


async def lock_item(connection: AsyncConnection, item_id: UUID | None, *, take: UUID) -> Row[Any] | None:
    """Lock and return an item; ``None`` if it is gone, or another take followed this one."""
    item = (await lock_items(connection, [item_id])).get(item_id) if item_id else None
    return item if item is not None and item.job_id == take else None


async def make_again(
    connection: AsyncConnection,
    campaign: Campaign,
    spec: CampaignSpec,
    item: Row[Any],
    settings: Settings,
    at: datetime,
) -> bool:
    """Make a further take of a locked item; ``False`` if it had as many for findings as are permitted."""
    if item.check_rerolls >= spec.checks.rerolls:
        return False
    made = await make_takes(
        connection,
        campaign,
        spec.variants(settings.campaign_combinations),
        Reroll(),
        [FrozenItem(1, item.id, item.takes + 1)],
        most_takes=settings.campaign_takes,
        at=at,
    )
    if made.done:
        await picture_checks.count_reroll(connection, item.id)
        await reopen_finished(connection, campaign, at)
    return bool(made.done)
