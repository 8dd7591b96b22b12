"""Deliveries happen at least once; responses decide on retries; results are recorded once."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from models.ids import public_id
from models.states import JobStatus
from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.killable import send_again
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker
from worker.webhooks.retry_schedule import JITTER, RETRIES

S = JobStatus
ROOT = Path(__file__).parents[3]
RUNNING = (S.QUEUED, S.LEASED, S.RUNNING)


async def test_a_finished_job_is_delivered_to_its_own_url(
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


async def test_a_failed_delivery_is_retried_on_schedule_and_given_up_in_the_end(
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
    await receiver.disappear()
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.send()
    (row,) = await webhooks.deliveries()
    assert row.status == "pending"
    assert "can't be reached" in row.log[0]["problem"]
    await receiver.start()
    darkroom.clock.forward(seconds=7)
    await webhooks.send()
    assert receiver.types == ["job.succeeded"]


async def test_retry_after_of_a_receiver_is_honoured(
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


async def test_410_disables_an_endpoint_and_stops_its_deliveries(
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


async def test_410_stops_the_deliveries_of_a_job_to_its_own_url_and_of_no_other_job(
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


async def test_a_delivery_cut_off_before_its_result_is_recorded_is_sent_again_with_the_same_id(
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


async def test_a_late_result_does_not_undo_the_claim_of_another_worker(
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


async def test_a_test_has_no_retries(darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver) -> None:
    receiver.responses = [500]
    await webhooks.tests(await darkroom.caller(), receiver.url)
    await webhooks.send()
    assert receiver.types == ["webhook.test"]
    assert await webhooks.statuses() == ["failed"]


def test_a_worker_that_is_killed_while_the_receiver_has_the_message_sends_it_again(
    plain_database_url: str, tmp_path: Path
) -> None:
    arguments = f"{plain_database_url!r}, {str(tmp_path)!r}"
    code = f"from tests.worker.webhooks.killable import send_and_die; send_and_die({arguments})"
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    came = (tmp_path / "came").read_text().split()
    again = asyncio.run(send_again(plain_database_url, tmp_path))
    assert came == again == came[:1]
