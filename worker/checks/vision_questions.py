"""Vision questions: text jobs that ask a campaign's questions about the pictures of a take."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.spec import CampaignSpec
from models.ids import new_id, public_id
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.vision_checks import checks_of_takes, insert_vision_checks
from models.queries.jobs import NewJob, insert_jobs
from models.request import TEXT
from models.settings import Settings
from models.states import OnUnknown
from worker.checks.vision_dialogue import make_prompt
from worker.images.decode import DECODABLE

TAG = "vision-check"
"""Tag of the text jobs."""


async def insert_questions(
    connection: AsyncConnection,
    campaign: Campaign,
    spec: CampaignSpec,
    item: Row[Any],
    pictures: Sequence[Row[Any]],
    settings: Settings,
    at: datetime,
) -> bool:
    """Insert a text job for each picture that can be seen and was not asked about; return whether any was.

    A call whose outcome is unknown fails its job: the picture is left to people, and nothing is asked twice.
    """
    rules = spec.vision
    if rules is None or not pictures:
        return False
    known = {each.asset_id for each in await checks_of_takes(connection, [item.job_id])}
    seen = [each for each in pictures if each.content_type in DECODABLE and each.id not in known]
    jobs, checks = list[NewJob](), list[dict[str, Any]]()
    for picture in seen:
        request: dict[str, Any] = {
            "images": [public_id("asset", picture.id)],
            "size": None,
            "n": None,
            "params": rules.params,
            "wants": TEXT,
            **({"detail": rules.detail} if rules.detail else {}),
        }
        job = NewJob(
            id=new_id(),
            model=rules.model,
            prompt=make_prompt(rules.rules),
            request=request,
            priority=spec.defaults.priority,
            max_attempts=spec.defaults.max_attempts or settings.max_attempts,
            on_unknown=OnUnknown.FAIL.value,
            not_before=at,
            campaign=campaign.name,
            tags=[TAG],
            expires_at=campaign.deadline,
        )
        jobs.append(job)
        checks.append(
            {
                "job_id": job.id,
                "asset_id": picture.id,
                "campaign_id": campaign.id,
                "item_id": item.id,
                "take_job_id": item.job_id,
                "rules": rules.rules,
            }
        )
    await insert_jobs(connection, jobs, caller_id=campaign.caller_id, surface=campaign.surface, at=at)
    await insert_vision_checks(connection, checks)
    return bool(jobs)
