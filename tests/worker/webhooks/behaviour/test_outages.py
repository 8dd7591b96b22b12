"""One odd job, or one odd receiver, harms no other, and is not tried for ever."""

from typing import Any

from sqlalchemy import update

from models.states import JobStatus
from models.tables import webhook_deliveries
from models.webhook_events import JOB_EVENTS
from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.posting import Posting
from worker.webhooks.retry_schedule import RETRIES

S = JobStatus
DAY = 86_400


async def spoil(darkroom: Darkroom, delivery_id: Any, snapshot: Any) -> None:
    async with darkroom.services.database.writing() as connection:
        one = webhook_deliveries.c.id == delivery_id
        await connection.execute(update(webhook_deliveries).where(one).values(snapshot=snapshot))


async def test_a_message_that_can_not_be_written_keeps_no_other_back_and_is_given_up_in_the_end(
    darkroom: Darkroom, posting: Posting, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    for _ in range(3):
        await posting.job(caller, webhook_url=receiver.url)
    await spoil(darkroom, (await posting.deliveries())[0].id, {"started_at": "soon", "finished_at": None})
    await posting.send()
    assert await posting.statuses() == ["pending", "delivered", "delivered"]
    for _ in RETRIES:
        darkroom.clock.forward(seconds=DAY)
        await posting.send()
    assert await posting.statuses() == ["failed", "delivered", "delivered"]
    assert "could not write" in (await posting.deliveries())[0].log[-1]["problem"]
    assert len(receiver.messages) == 2


async def test_a_receiver_with_an_absurd_wish_is_tried_like_any_other_and_harms_none(
    darkroom: Darkroom, posting: Posting, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    receiver.responses = [(503, {"Retry-After": "Thu, 01 Jan 2026 00:02:00 +99999999999"})]
    for _ in range(2):
        await posting.job(caller, webhook_url=receiver.url)
    await posting.send()
    assert sorted(await posting.statuses()) == ["delivered", "pending"]
    darkroom.clock.forward(seconds=7)
    await posting.send()
    assert await posting.statuses() == ["delivered", "delivered"]
    assert len(receiver.messages) == 3


async def test_progress_that_a_killed_worker_had_in_hand_does_not_delay_the_end(
    darkroom: Darkroom, posting: Posting, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await posting.endpoint(caller, receiver.url, events=sorted(JOB_EVENTS))
    job_id = await posting.job(caller, S.QUEUED, S.LEASED, S.RUNNING)
    await posting.look()
    late, posting.messages[:] = list(posting.messages), []
    darkroom.clock.forward(minutes=2)
    await posting.move(job_id, S.RUNNING, S.SUCCEEDED)
    posting.messages.extend(late)
    await posting.deliver()
    await posting.send()
    assert receiver.types == ["job.succeeded"]
    assert await posting.statuses() == ["superseded", "delivered"]
