"""Histogram of planned campaigns: from start to end."""

from datetime import datetime

from prometheus_client import Histogram
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.status import CampaignStatus
from models.database import after_commit
from models.queries.campaigns.campaigns import Campaign
from worker.metrics.buckets import CAMPAIGN

_seconds = Histogram(
    "darkroom_campaign_duration_seconds",
    "From the start of a planned campaign to its end; one that is reopened ends again",
    ["outcome"],
    buckets=CAMPAIGN,
)


def campaign_ended(
    connection: AsyncConnection, campaign: Campaign, outcome: CampaignStatus, at: datetime
) -> None:
    """Observe the end of a campaign once its transaction is committed; one that never started is not."""
    if campaign.started_at is not None:
        seconds = max(0.0, (at - campaign.started_at).total_seconds())
        after_commit(connection, lambda: _seconds.labels(outcome.value).observe(seconds))
