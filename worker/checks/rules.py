"""Rules of a campaign about findings: an item whose pictures are all found wrong gets a further take."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.checks import found_in
from models.campaigns.repair import Reroll
from models.campaigns.spec import CampaignSpec, read_spec
from models.campaigns.status import CampaignStatus
from models.queries.campaigns import campaigns, picture_checks
from models.queries.campaigns.actions import FrozenItem
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.item_facts import lock_items
from models.queries.campaigns.picture_checks import DuePicture
from models.settings import Settings
from worker.campaigns.next_takes import make_takes, reopen_finished

_log = structlog.get_logger()


async def apply_rules(
    connection: AsyncConnection, campaign_id: UUID, picture: DuePicture, settings: Settings, at: datetime
) -> bool:
    """Apply a campaign's rules to the take of a picture, once all its pictures are examined.

    Returns whether a job was made. The take is a job like any other: within the campaign's budget, limits and
    pauses.
    """
    campaign = await campaigns.get(connection, campaign_id)
    if campaign is None or picture.item_id is None or not _goes_on(campaign, at):
        return False
    try:
        spec = read_spec(campaign.spec or {})
    except ValueError as error:
        _log.warning("the rules of a campaign can't be read", campaign=campaign.name, error=str(error)[:300])
        return False
    if not spec.checks.rerolling:
        return False
    item = (await lock_items(connection, [picture.item_id])).get(picture.item_id)
    if item is None or item.job_id != picture.job_id:
        return False  # another take followed
    pictures = await picture_checks.pictures_of_takes(connection, [picture.job_id])
    if any(each.check_due_at is not None for each in pictures):
        return False  # the last one that is examined decides
    if not all(spec.checks.reroll_reason(found_in(each)) for each in pictures):
        return False
    return await _reroll(connection, campaign, spec, item, settings, at)


def _goes_on(campaign: Campaign, at: datetime) -> bool:
    """Return whether further takes may be made."""
    ended = campaign.status in (CampaignStatus.DRAFT, CampaignStatus.CANCELLED)
    return not ended and (campaign.deadline is None or campaign.deadline > at)


async def _reroll(
    connection: AsyncConnection,
    campaign: Campaign,
    spec: CampaignSpec,
    item: Row[Any],
    settings: Settings,
    at: datetime,
) -> bool:
    """Make a further take of an item, unless it had as many for findings as its campaign permits."""
    if item.verdict is not None or item.check_rerolls >= spec.checks.rerolls:
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
