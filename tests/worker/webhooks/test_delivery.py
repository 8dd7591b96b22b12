"""Messages come at least once, in order, signed; what a receiver says is heeded."""

import asyncio
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event
from standardwebhooks.webhooks import Webhook

from models.ids import public_id
from models.queries.webhooks.deliveries import replay
from models.queries.webhooks.endpoints import change_endpoint
from models.states import JobStatus
from models.webhook_events import JOB_EVENTS
from tests.support.darkroom import Darkroom
from tests.support.receiver import ReceivedMessage, Receiver
from tests.worker.webhooks.killable import send_again
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker
from worker.webhooks.context import MAX_IN_FLIGHT
from worker.webhooks.retry_schedule import JITTER, RETRIES

S = JobStatus
ROOT = Path(__file__).parents[3]
RUNNING = (S.QUEUED, S.LEASED, S.RUNNING)


def signed_with(got: ReceivedMessage, secret: str) -> bool:
    """Tell whether one of a message's signatures is of this secret, as a receiver would find out."""
    at = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), tz=None).astimezone()
    expected = Webhook(secret).sign(got.id, at, got.body.decode())
    return expected in got.headers["webhook-signature"].split(" ")


async def test_a_finished_job_is_told_to_its_own_address(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), "a red fox", webhook_url=receiver.url)
    await worker.run_round()
    await webhooks.send()
    (got,) = receiver.messages
    data = got.payload["data"]
    assert got.headers["content-type"] == "application/json"
    assert (got.payload["type"], got.payload["object"], got.payload["id"]) == (
        "job.succeeded",
        "event",
        got.id,
    )
    assert (data["id"], data["status"], data["prompt"]) == (
        public_id("job", job_id),
        "succeeded",
        "a red fox",
    )
    assert len(data["assets"]) == 1
    assert await webhooks.statuses() == ["delivered"]
    await webhooks.send()
    assert len(receiver.messages) == 1


async def test_the_secret_of_the_default_endpoint_signs_for_jobs_own_addresses(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.send()
    (default,) = await webhooks.endpoints()
    assert default.url is None
    (got,) = receiver.messages
    assert Webhook(default.secret).verify(got.body, dict(got.headers))["data"]["status"] == "succeeded"


async def test_during_a_rotation_both_secrets_sign_and_later_only_the_new_one(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    endpoint_id, old = await webhooks.endpoint(caller, receiver.url)
    _, new = await webhooks.endpoint(await darkroom.caller(), "http://127.0.0.1:1/unused")
    changes = {
        "secret": new,
        "previous_secret": old,
        "previous_until": darkroom.clock() + timedelta(hours=1),
    }
    async with darkroom.services.database.writing() as connection:
        await change_endpoint(connection, endpoint_id, changes)
    await webhooks.job(caller)
    await webhooks.send()
    darkroom.clock.forward(hours=2)
    await webhooks.job(caller)
    await webhooks.send()
    first, second = receiver.messages
    assert [signed_with(first, secret) for secret in (old, new)] == [True, True]
    assert [signed_with(second, secret) for secret in (old, new)] == [False, True]


async def test_endpoints_hear_of_their_own_callers_jobs_and_only_what_they_asked_for(
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
    heard = sorted((got.path, got.payload["type"]) for got in receiver.messages)
    assert heard == [("/hook/alice", "job.failed"), ("/hook/bob", "job.succeeded")]


async def test_a_job_that_nobody_listens_to_costs_no_statement_and_leaves_nothing_in_the_outbox(
    darkroom: Darkroom, webhooks: WebhookWorker
) -> None:
    await webhooks.endpoint(await darkroom.caller(), "https://receiver.example/of-another")
    job_id = await darkroom.submit(caller := await darkroom.caller())
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    engine = darkroom.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    assert not (await webhooks.move(job_id, *RUNNING, S.SUCCEEDED)).told
    assert not any("webhook_deliveries" in statement for statement in sent)
    await webhooks.endpoint(caller, "https://receiver.example/of-this-one")
    assert (await webhooks.move(await darkroom.submit(caller), S.QUEUED, S.CANCELLED)).told
    event.remove(engine, "before_cursor_execute", note)
    assert sum("INSERT INTO webhook_deliveries" in statement for statement in sent) == 1


async def test_each_end_of_a_job_has_its_event(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    for path in ((*RUNNING, S.FAILED), (*RUNNING, S.HELD), (S.QUEUED, S.CANCELLED), (S.QUEUED, S.EXPIRED)):
        await webhooks.job(caller, *path, webhook_url=receiver.url)
        await webhooks.send()
    assert receiver.types == ["job.failed", "job.held", "job.cancelled", "job.expired"]
    assert [f"job.{got.payload['data']['status']}" for got in receiver.messages] == receiver.types


async def test_what_fails_is_sent_again_at_the_promised_times_and_given_up_in_the_end(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [500] * 20
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.send()
    for number, wait in enumerate(RETRIES, start=1):
        darkroom.clock.forward(seconds=wait.total_seconds() - 0.001)
        await webhooks.send()
        assert len(receiver.messages) == number, f"too early, after {wait}"
        darkroom.clock.forward(seconds=wait.total_seconds() * JITTER + 0.002)
        await webhooks.send()
        assert len(receiver.messages) == number + 1, f"too late, after {wait}"
    darkroom.clock.forward(days=30)
    await webhooks.send()
    assert len(receiver.messages) == len(RETRIES) + 1
    (row,) = await webhooks.deliveries()
    assert (row.status, row.tries) == ("failed", 9)
    assert [each["http_status"] for each in row.log] == [500] * 9
    assert row.log[0]["problem"] == "The receiver answered HTTP 500."
    assert row.log[0]["answer"] == "no"
    assert len({got.id for got in receiver.messages}) == 1
    assert len({got.body for got in receiver.messages}) == 1


async def test_a_receiver_that_disappears_gets_the_message_when_it_is_back(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await receiver.stop()
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.send()
    (row,) = await webhooks.deliveries()
    assert row.status == "pending"
    assert "can't be reached" in row.log[0]["problem"]
    await receiver.start()
    darkroom.clock.forward(seconds=7)
    await webhooks.send()
    assert receiver.types == ["job.succeeded"]


async def test_a_replay_is_the_same_message_marked_as_a_replay(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.send()
    (row,) = await webhooks.deliveries()
    darkroom.clock.forward(days=9)
    async with darkroom.services.database.writing() as connection:
        assert await replay(connection, row.id, url=row.url, host=row.host, at=darkroom.clock())
        assert not await replay(connection, row.id, url=row.url, host=row.host, at=darkroom.clock())
    await webhooks.send()
    first, second = receiver.messages
    assert (first.id, first.body) == (second.id, second.body)
    assert [got.headers.get("webhook-replay") for got in receiver.messages] == [None, "true"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert len((await webhooks.deliveries())[0].log) == 2


async def test_a_receiver_that_names_a_time_is_left_alone_until_then(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [(503, {"Retry-After": "7200"})]
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.send()
    darkroom.clock.forward(minutes=119)
    await webhooks.send()
    assert len(receiver.messages) == 1
    darkroom.clock.forward(minutes=2)
    await webhooks.send()
    assert len(receiver.messages) == 2


async def test_gone_disables_an_endpoint_and_drops_what_waits_for_it(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url)
    receiver.responses = [500, 410]
    await webhooks.job(caller)
    await webhooks.send()
    await webhooks.job(caller)
    await webhooks.send()
    (endpoint,) = await webhooks.endpoints()
    assert endpoint.disabled_at is not None
    assert "410" in endpoint.disabled_reason
    assert await webhooks.statuses() == ["stopped", "stopped"]
    await webhooks.job(caller)
    darkroom.clock.forward(days=1)
    await webhooks.send()
    assert len(receiver.messages) == 2


async def test_gone_stops_what_a_job_tells_its_own_address_and_no_other_job(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    receiver.responses = [410]
    job_id = await webhooks.job(caller, *RUNNING, S.HELD, webhook_url=receiver.url)
    await webhooks.send()
    await webhooks.move(job_id, S.HELD, S.FAILED)
    await webhooks.send()
    assert receiver.types == ["job.held"]
    await webhooks.job(caller, webhook_url=receiver.url)
    await webhooks.send()
    assert receiver.types == ["job.held", "job.succeeded"]


async def test_events_of_a_job_come_in_order_whatever_fails(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [500]
    job_id = await webhooks.job(await darkroom.caller(), *RUNNING, S.HELD, webhook_url=receiver.url)
    await webhooks.send()
    await webhooks.move(job_id, S.HELD, *RUNNING, S.SUCCEEDED)
    await webhooks.send()
    assert receiver.types == ["job.held"]
    darkroom.clock.forward(seconds=7)
    await webhooks.send()
    await webhooks.send()
    assert receiver.types == ["job.held", "job.held", "job.succeeded"]
    assert [got.payload["data"]["status"] for got in receiver.messages] == ["held", "held", "succeeded"]


async def test_one_receiver_that_fails_holds_up_no_other(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, "http://127.0.0.1:1/closed")
    await webhooks.job(caller, *RUNNING, S.FAILED, webhook_url=receiver.url)
    await webhooks.send()
    assert receiver.types == ["job.failed"]
    assert sorted(await webhooks.statuses()) == ["delivered", "pending"]


async def test_progress_is_told_to_who_asked_and_the_newest_replaces_what_waits(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=sorted(JOB_EVENTS))
    job_id = await webhooks.job(caller, *RUNNING)
    await webhooks.send()
    for percent in (10, 20, 30):
        await webhooks.progress(job_id, percent)
    await webhooks.send()
    await webhooks.progress(job_id, 80)
    await webhooks.move(job_id, S.RUNNING, S.SUCCEEDED, progress=100)
    await webhooks.send()
    said = [(got.payload["type"], got.payload["data"]["progress"]) for got in receiver.messages]
    assert said == [("job.progress", 0), ("job.progress", 30), ("job.succeeded", 100)]
    assert sorted(await webhooks.statuses()) == ["delivered"] * 3 + ["superseded"] * 3


async def test_progress_gives_way_to_what_its_own_receiver_is_told_only(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=["job.progress"])
    await webhooks.endpoint(caller, receiver.url, events=["job.succeeded"])
    job_id = await webhooks.job(caller, *RUNNING)
    await webhooks.progress(job_id, 80)
    await webhooks.move(job_id, S.RUNNING, S.SUCCEEDED, progress=100)
    await webhooks.send()
    said = [(got.payload["type"], got.payload["data"]["progress"]) for got in receiver.messages]
    assert sorted(said) == [("job.progress", 80), ("job.succeeded", 100)]


async def test_progress_that_was_not_taken_gives_way_to_the_end(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=sorted(JOB_EVENTS))
    receiver.hangs = asyncio.Event()
    job_id = await webhooks.job(caller, *RUNNING)
    await webhooks.claim()
    sending = asyncio.create_task(webhooks.deliver())
    await receiver.until(1)
    await webhooks.move(job_id, S.RUNNING, S.SUCCEEDED)
    other = new_webhook_worker(darkroom)
    await other.claim()
    assert other.started == []  # the end waits for the progress that is on its way
    receiver.responses = [500]
    receiver.hangs.set()
    await sending
    await webhooks.send()
    await other.context.close()
    assert receiver.types == ["job.progress", "job.succeeded"]
    assert await webhooks.statuses() == ["superseded", "delivered"]


async def test_a_message_tells_the_job_as_it_was_however_late_it_leaves(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    error = {"code": "connection_lost", "message": "It is unknown.", "outcome": "ambiguous"}
    job_id = await webhooks.job(await darkroom.caller(), *RUNNING, webhook_url=receiver.url)
    await webhooks.move(job_id, S.RUNNING, S.HELD, error=error)
    await webhooks.move(job_id, S.HELD, S.QUEUED, error=None, generation=2)
    await webhooks.send()
    data = receiver.messages[0].payload["data"]
    assert (data["status"], data["revision"], data["generation"]) == ("held", 4, 1)
    assert data["error"]["code"] == "connection_lost"


async def test_what_was_cut_off_between_sending_and_noting_is_sent_again_with_the_same_id(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.hangs = asyncio.Event()
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.claim()
    sending = asyncio.create_task(webhooks.deliver())
    await receiver.until(1)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    receiver.hangs.set()
    other = new_webhook_worker(darkroom)
    await other.send()
    assert len(receiver.messages) == 1  # the claim still holds
    darkroom.clock.forward(minutes=1)
    await other.send()
    await other.context.close()
    first, second = receiver.messages
    assert (first.id, first.body) == (second.id, second.body)
    assert await webhooks.statuses() == ["delivered"]


async def test_two_workers_never_send_the_same_message_at_once(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller, other = await darkroom.caller(), new_webhook_worker(darkroom)
    for _ in range(20):
        await webhooks.job(caller, webhook_url=receiver.url)
    await asyncio.gather(webhooks.claim(), other.claim())
    await asyncio.gather(webhooks.deliver(), other.deliver())
    for _ in range(2):
        await webhooks.send()
    await other.context.close()
    assert len(receiver.messages) == len({got.id for got in receiver.messages}) == 20


async def test_a_duplicate_or_late_start_of_a_claim_sends_nothing_twice(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.claim()
    late = list(webhooks.started)
    webhooks.started *= 2
    await webhooks.deliver()
    webhooks.started.extend(late)
    darkroom.clock.forward(minutes=5)
    await webhooks.deliver()
    assert len(receiver.messages) == 1


async def test_a_delivery_that_starts_when_its_claim_is_nearly_over_is_left_to_other_workers(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.claim()
    darkroom.clock.forward(seconds=15.2)
    await webhooks.deliver()
    assert receiver.messages == []
    darkroom.clock.forward(seconds=5)
    await webhooks.send()
    assert len(receiver.messages) == 1


async def test_whoever_comes_too_late_does_not_undo_what_another_has_claimed(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.hangs, receiver.responses = asyncio.Event(), [500]
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.claim()
    late = asyncio.create_task(webhooks.deliver())
    await receiver.until(1)
    darkroom.clock.forward(minutes=2)
    other = new_webhook_worker(darkroom)
    await other.claim()
    receiver.hangs.set()
    await late
    await other.deliver()
    await other.context.close()
    assert len(receiver.messages) == 2
    assert await webhooks.statuses() == ["delivered"]


async def test_an_endpoint_that_is_closed_after_the_claim_is_sent_nothing(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    endpoint_id, _ = await webhooks.endpoint(caller, receiver.url)
    await webhooks.job(caller)
    await webhooks.claim()
    async with darkroom.services.database.writing() as connection:
        await change_endpoint(connection, endpoint_id, {"deleted_at": darkroom.clock()})
    await webhooks.deliver()
    assert receiver.messages == []
    assert await webhooks.statuses() == ["stopped"]


async def test_a_hanging_host_leaves_room_for_others(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller, slow = await darkroom.caller(), Receiver(hangs=asyncio.Event())
    await slow.start()
    await webhooks.tests(caller, slow.url, count=MAX_IN_FLIGHT + 20)
    darkroom.clock.forward(seconds=1)
    await webhooks.job(caller, webhook_url=receiver.url)
    await webhooks.claim()
    sending = asyncio.create_task(webhooks.deliver())
    await receiver.until(1)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert slow.hangs is not None
    slow.hangs.set()
    await slow.stop()


async def test_a_test_is_sent_once_and_not_tried_again(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [500]
    await webhooks.tests(await darkroom.caller(), receiver.url)
    await webhooks.send()
    assert receiver.types == ["webhook.test"]
    assert await webhooks.statuses() == ["failed"]


def test_a_worker_that_is_killed_while_the_receiver_has_the_message_sends_it_again(
    plain_database_url: str, tmp_path: Path
) -> None:
    arguments = f"{plain_database_url!r}, {str(tmp_path)!r}"
    code = f"from tests.worker.webhooks.killable import send_once; send_once({arguments})"
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    came = (tmp_path / "came").read_text().split()
    again = asyncio.run(send_again(plain_database_url, tmp_path))
    assert came == again == came[:1]
