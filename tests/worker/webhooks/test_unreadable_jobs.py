"""A delivery whose job can't be read stops none of those that were claimed with it."""

from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.support.unreadable_rows import ODD, UNREADABLE, spoil
from tests.worker.webhooks.webhook_worker import WebhookWorker


async def test_the_messages_of_all_readable_jobs_arrive_beside_those_of_unreadable_ones(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    one, other, good = await darkroom.caller(), await darkroom.caller(), []
    for column, *values in ({**UNREADABLE, **ODD}).values():
        bad = await webhooks.job(one, webhook_url=receiver.url)
        await spoil(darkroom.services.database, "jobs", bad, (column, *values))  # type: ignore[arg-type]
        good.append(await webhooks.job(other, webhook_url=receiver.url, metadata={"number": len(good)}))
    for _ in range(4):
        await webhooks.send()
        darkroom.clock.forward(minutes=1)
    found = [got.payload["data"]["metadata"] for got in receiver.messages]
    numbers = [each["number"] for each in found if isinstance(each, dict) and "number" in each]
    assert sorted(numbers) == list(range(len(good)))
