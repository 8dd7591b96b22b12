"""The completer: each task is completed once, also after a crash."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from models.queries.midjourney.completion import claim_ready_tasks
from models.tables import midjourney_tasks
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import decoded
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import new_webhook_worker
from worker.midjourney.completion import complete_task


async def change(stack: MidjourneyStack, number: str, **values: Any) -> None:
    """Change a task's row behind its back."""
    async with stack.darkroom.services.database.writing() as connection:
        one = midjourney_tasks.c.id == int(number)
        await connection.execute(update(midjourney_tasks).where(one).values(**values))


async def drawn(stack: MidjourneyStack, **body: Any) -> str:
    """Submit an imagine whose pictures are there, and that is yet to be ended."""
    number = await stack.number(**body)
    await stack.dispatch()
    await stack.worker.deliver()
    return number


async def test_a_task_is_completed_once_by_any_number_of_workers(each_stack: MidjourneyStack) -> None:
    number = await each_stack.number()
    await each_stack.dispatch()
    await each_stack.worker.deliver()
    services, at = each_stack.darkroom.services, each_stack.darkroom.clock()
    async with services.database.writing() as connection:
        claimed = await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)
    async with services.database.writing() as connection:
        assert not await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)

    await complete_task(services, claimed[0])
    first = await each_stack.fetch(number)
    await complete_task(services, claimed[0])
    assert await each_stack.fetch(number) == first


async def test_a_task_of_a_dead_worker_is_completed_by_another(each_stack: MidjourneyStack) -> None:
    number = await each_stack.number()
    await each_stack.dispatch()
    await each_stack.worker.deliver()
    at = each_stack.darkroom.clock()
    async with each_stack.darkroom.services.database.writing() as connection:
        await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)

    await each_stack.completer.run_round()
    waiting = await each_stack.fetch(number)
    assert (waiting["status"], waiting["progress"]) == ("IN_PROGRESS", "99%")
    assert waiting["imageUrl"]
    each_stack.darkroom.clock.forward(minutes=2)
    await each_stack.completer.run_round()
    assert (await each_stack.fetch(number))["status"] == "SUCCESS"


async def test_a_task_that_can_not_be_completed_fails_with_a_reason_and_a_message(
    each_stack: MidjourneyStack,
) -> None:
    receiver, webhooks = Receiver(), new_webhook_worker(each_stack.darkroom)
    await receiver.start()
    number = await drawn(each_stack, notifyHook=receiver.url)
    await change(each_stack, number, request={"wanted": "four"})
    other = await drawn(each_stack, prompt="a dog")

    await each_stack.complete()
    await webhooks.send()
    await webhooks.send()
    await webhooks.context.close()
    await receiver.stop()
    task = await each_stack.fetch(number)
    assert (task["status"], task["progress"]) == ("FAILURE", "")
    assert decoded(task)["startTime"] < task["finishTime"]
    assert task["failReason"] == (
        "Its calls are done, but Darkroom could not put the result together (TypeError). "
        "Its jobs have what came."
    )
    assert [got.payload["status"] for got in receiver.messages][-1] == "FAILURE"
    assert (await each_stack.fetch(other))["status"] == "SUCCESS"


async def test_a_task_that_can_not_be_serialized_still_ends_and_blocks_no_other(
    stack: MidjourneyStack,
) -> None:
    odd = await drawn(stack, notifyHook="http://127.0.0.1:9/hook")
    await change(stack, odd, request={"calls": "four", "wanted": "four"}, properties=["none"])
    other = await drawn(stack, prompt="a dog")

    await stack.complete()
    assert (await stack.fetch(other))["status"] == "SUCCESS"
    await change(stack, odd, properties={})
    assert (await stack.fetch(odd))["status"] == "FAILURE"
