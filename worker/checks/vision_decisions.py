"""Vision decisions: answers of vision models become verdicts of a machine, which a person outranks."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.checks.vision_rules import VisionRules
from models.errors import DatabaseAway
from models.ids import public_id
from models.queries.campaigns import campaigns, vision_checks
from models.queries.campaigns.verdicts import insert_verdicts
from models.states import JobStatus
from worker.checks.rules import lock_item, make_again, open_spec
from worker.checks.vision_dialogue import has_passed, parse_answers
from worker.database_retry import run_forever
from worker.services import WorkerServices

_CHUNK = 200  # checks of one round
_PAUSE = 1.0  # seconds between rounds
_LONGEST_REASON = 500  # characters
_log = structlog.get_logger()


class VisionDecider:
    """Runs rounds on a timer. ``freed`` is set when jobs were made, so that a dispatch round follows."""

    def __init__(self, services: WorkerServices, halt: asyncio.Event, freed: asyncio.Event) -> None:
        self._services, self._halt, self._freed = services, halt, freed

    async def run(self) -> None:
        """Run rounds until cancelled, also through database outages."""
        await run_forever(self.run_round, self._pause, name="vision decider")

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)

    async def run_round(self) -> None:
        """Decide about the checks whose text jobs have ended."""
        async with self._services.database.reading() as connection:
            answered = await vision_checks.list_answered(connection, limit=_CHUNK)
        for job_id in answered:
            if self._halt.is_set():
                return
            try:
                await self._decide(job_id)
            except DatabaseAway:
                raise
            except Exception:  # noqa: BLE001 - one broken check must not keep the others from their turn
                _log.exception("answers of a vision model could not be read", job=public_id("job", job_id))
                await self._give_up(job_id)

    async def _decide(self, job_id: UUID) -> None:
        at = self._services.clock()
        async with self._services.database.writing() as connection:
            found = await vision_checks.find_undecided(connection, job_id)
            if found is None:
                return
            item = await lock_item(connection, found.item_id, take=found.take_job_id)
            if found.status == JobStatus.SUCCEEDED:
                answers = parse_answers(found.text or "", len(found.rules))
                shown, passed = [each.to_json() for each in answers], has_passed(answers)
            else:  # it failed, expired or was cancelled: there is no answer
                shown, passed = None, None
            await vision_checks.decide(connection, job_id, answers=shown, passed=passed, at=at)
            made = item is not None and await self._conclude(connection, found, item, at)
        if made:
            self._freed.set()

    async def _give_up(self, job_id: UUID) -> None:
        async with self._services.database.writing() as connection:
            at = self._services.clock()
            await vision_checks.decide(connection, job_id, answers=None, passed=None, at=at)

    async def _conclude(
        self, connection: AsyncConnection, found: Row[Any], item: Row[Any], at: datetime
    ) -> bool:
        """Give the verdict of a take whose checks are all decided; return whether a further take was made."""
        checks = await vision_checks.checks_of_takes(connection, [found.take_job_id])
        campaign = await campaigns.get(connection, found.campaign_id)
        spec = open_spec(campaign, at) if campaign else None
        if campaign is None or spec is None or spec.vision is None:
            return False
        if any(each.decided_at is None for each in checks):
            return False
        verdict = _verdict([each.passed for each in checks], spec.vision)
        person = item.verdict is not None
        if verdict is not None:
            values = {
                "campaign_id": campaign.id,
                "verdict": verdict,
                "source": "machine",
                "reason": _reason(checks) if verdict == "reject" else None,
                "key_id": None,
                "by": found.model,
                "action_id": None,
                "at": at,
            }
            await insert_verdicts(connection, [item], values)
        if verdict != "reject" or spec.vision.on_fail != "reroll" or person:
            return False
        return await make_again(connection, campaign, spec, item, self._services.settings, at)


def _verdict(passed: Sequence[bool | None], rules: VisionRules) -> str | None:
    """Return the verdict on a take, by what its pictures came to; ``None``: it is left to people."""
    if any(passed):
        return "pick" if rules.on_pass == "pick" else None
    return None if None in passed else "reject"


def _reason(checks: Sequence[Row[Any]]) -> str:
    """Return the questions that were answered with no, and why."""
    words = [
        f"{rule} No{': ' + answer['reason'] if answer['reason'] else ''}"
        for check in checks
        for rule, answer in zip(check.rules, check.answers or (), strict=False)
        if answer["answer"] == "no"
    ]
    return "; ".join(dict.fromkeys(words))[:_LONGEST_REASON]
