"""The outbox has a row for every receiver subscribed to an event, and none for other changes."""

from typing import Any

from sqlalchemy import event

from models.ids import public_id
from models.openai.events import response_id
from models.states import JobStatus
from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker

S = JobStatus
RUNNING = (S.QUEUED, S.LEASED, S.RUNNING)


async def test_endpoints_receive_the_events_of_their_caller_that_they_subscribe_to(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    alice, bob = await darkroom.caller(), await darkroom.caller()
    await webhooks.endpoint(alice, f"{receiver.url}/alice", events=["job.failed"])
    await webhooks.endpoint(bob, f"{receiver.url}/bob")
    await webhooks.endpoint(bob, f"{receiver.url}/closed", disabled_at=darkroom.clock())
    await webhooks.job(alice)
    await webhooks.job(alice, *RUNNING, S.FAILED)
    await webhooks.job(bob)
    await webhooks.send()
    received = sorted((got.path, got.payload["type"]) for got in receiver.messages)
    assert received == [("/hook/alice", "job.failed"), ("/hook/bob", "job.succeeded")]


async def test_a_job_without_a_receiver_costs_no_statement_and_leaves_no_row_in_the_outbox(
    darkroom: Darkroom, webhooks: WebhookWorker
) -> None:
    await webhooks.endpoint(await darkroom.caller(), "https://receiver.example/of-another")
    job_id = await darkroom.submit(caller := await darkroom.caller())
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    engine = darkroom.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    assert not (await webhooks.move(job_id, *RUNNING, S.SUCCEEDED)).webhooks_due
    assert not any("webhook_deliveries" in statement for statement in sent)
    await webhooks.endpoint(caller, "https://receiver.example/of-this-one")
    assert (await webhooks.move(await darkroom.submit(caller), S.QUEUED, S.CANCELLED)).webhooks_due
    event.remove(engine, "before_cursor_execute", note)
    assert sum("INSERT INTO webhook_deliveries" in statement for statement in sent) == 1


async def test_each_end_of_a_background_response_has_its_event_beside_that_of_the_job(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    ends = ["response.completed", "response.failed", "response.cancelled", "response.incomplete"]
    await webhooks.endpoint(caller, receiver.url, events=ends)
    await webhooks.endpoint(caller, f"{receiver.url}/jobs", events=["job.succeeded", "response.completed"])
    paths = ((*RUNNING, S.SUCCEEDED), (*RUNNING, S.FAILED), (*RUNNING, S.HELD), (S.QUEUED, S.CANCELLED))
    background = {"surface": "openai", "request": {"response": {"background": True}}}
    made = [await webhooks.job(caller, *path, **background) for path in (*paths, (S.QUEUED, S.EXPIRED))]
    for other in ({"response": {"background": False}}, {}, {"response": 1}):
        await webhooks.job(caller, S.QUEUED, S.CANCELLED, surface="openai", request=other)
    await webhooks.job(caller, S.QUEUED, S.CANCELLED, **{**background, "surface": "rest"})
    for _ in range(2):
        await webhooks.send()
    received = sorted((got.path, got.payload["type"], got.payload["data"]["id"]) for got in receiver.messages)
    first, *others = (response_id(job_id) for job_id in made)
    states = ("failed", "failed", "cancelled", "incomplete")
    assert received == sorted(
        [
            ("/hook", "response.completed", first),
            *(("/hook", f"response.{state}", key) for state, key in zip(states, others, strict=True)),
            ("/hook/jobs", "job.succeeded", public_id("job", made[0])),
            ("/hook/jobs", "response.completed", first),
        ]
    )


async def test_each_end_of_a_job_has_its_event(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    for path in ((*RUNNING, S.FAILED), (*RUNNING, S.HELD), (S.QUEUED, S.CANCELLED), (S.QUEUED, S.EXPIRED)):
        await webhooks.job(caller, *path, webhook_url=receiver.url)
        await webhooks.send()
    assert receiver.types == ["job.failed", "job.held", "job.cancelled", "job.expired"]
    assert [f"job.{got.payload['data']['status']}" for got in receiver.messages] == receiver.types
