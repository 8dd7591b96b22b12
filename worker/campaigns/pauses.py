"""Pauses: the columns of a campaign that a pause and its end write beside the status."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.campaigns.status import CLOSED_BY, CampaignStatus, PauseReason
from models.queries.campaigns.campaigns import Campaign
from models.queue_status import WaitReason

S = CampaignStatus


def pause_changes(
    campaign: Campaign,
    reason: PauseReason,
    *,
    at: datetime,
    by: str | None,
    detail: str | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Return the columns that a pause writes beside the status."""
    return {
        "paused_from": campaign.status,
        "paused_reason": reason.value,
        "paused_detail": detail,
        "paused_by": by,
        "paused_at": at,
        "paused_until": until,
        "closed": CLOSED_BY[reason].value,
    }


RESUMED: Mapping[str, Any] = {
    "paused_from": None,
    "paused_reason": None,
    "paused_detail": None,
    "paused_by": None,
    "paused_at": None,
    "paused_until": None,
    "closed": None,
}
"""Columns that the end of a pause writes beside the status."""


def resumed_status(campaign: Campaign) -> tuple[CampaignStatus, dict[str, Any]]:
    """Return the status to which a paused campaign goes back, and the columns to write with it."""
    status = S(campaign.paused_from or S.RUNNING)
    closed = WaitReason.CAMPAIGN_CANARY.value if status is S.AWAITING_APPROVAL else None
    return status, {**RESUMED, "closed": closed}
