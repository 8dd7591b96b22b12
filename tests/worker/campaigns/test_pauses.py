"""A pause writes what its end needs."""

from models.campaigns.status import CampaignStatus, PauseReason
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.conftest import plan


async def test_a_campaign_goes_back_to_the_status_that_it_was_paused_in(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, {"a": "red"}, canary={"items": 1})
    await planned.start()
    await planned.change(CampaignStatus.CANARY, {})
    await planned.change(CampaignStatus.AWAITING_APPROVAL, {"closed": "campaign_canary"})
    await planned.pause(PauseReason.BUDGET)
    paused = await planned.read()
    assert (paused.closed, paused.paused_by) == ("campaign_budget", "ops")
    await planned.resume()
    resumed = await planned.read()
    assert (resumed.status, resumed.closed, resumed.paused_at) == (
        "awaiting_approval",
        "campaign_canary",
        None,
    )
