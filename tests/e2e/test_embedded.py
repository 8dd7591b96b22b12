"""Everything in one process, on SQLite and an in-memory broker."""

import time
from signal import SIGINT, SIGTERM

import pytest
from standardwebhooks.webhooks import Webhook

from tests.e2e.conftest import EmbeddedOf
from tests.support.processes import until
from tests.support.receiver import Receiver

pytestmark = pytest.mark.slow(reason="Darkroom is ended and started again, and lost leases must run out")
PROMPTS = [f"picture number {number} of a few" for number in range(60)]


def test_every_job_gets_its_own_image(darkroom_of: EmbeddedOf) -> None:
    darkroom = darkroom_of(delay=0.1)
    darkroom.client.submit(PROMPTS)

    jobs = darkroom.client.wait_settled(len(PROMPTS))
    darkroom.client.check_images(jobs)
    assert darkroom.practice.call_counts() == dict.fromkeys(PROMPTS, 1)


@pytest.mark.parametrize("sign", [SIGINT, SIGTERM])
def test_a_signal_ends_the_process_within_seconds_and_loses_no_job_in_flight(
    darkroom_of: EmbeddedOf, sign: int
) -> None:
    darkroom = darkroom_of(delay=30, worker_grace="2")
    darkroom.client.submit(PROMPTS)
    darkroom.practice.wait_in_flight(10)

    began = time.monotonic()
    assert darkroom.process.stop(sign) == 0
    assert time.monotonic() - began < 25, "the calls take 30 s"
    darkroom.start()
    jobs = darkroom.client.wait_settled(10)
    assert sum(job["status"] == "held" for job in jobs.values()) == 10


def test_running_calls_get_the_grace_of_the_settings(darkroom_of: EmbeddedOf) -> None:
    darkroom = darkroom_of(delay=4, worker_grace="20")
    darkroom.client.submit(PROMPTS)
    darkroom.practice.wait_in_flight(10)

    assert darkroom.process.stop(SIGTERM) == 0
    calls = darkroom.practice.calls()
    assert (len(calls), sum(call.aborted for call in calls)) == (10, 0)
    darkroom.practice.set_conditions(delay="0.05")
    darkroom.start()
    jobs = darkroom.client.wait_settled(len(PROMPTS))
    assert {job["status"] for job in jobs.values()} == {"succeeded"}
    assert set(darkroom.practice.call_counts().values()) == {1}


def test_a_second_signal_ends_the_grace(darkroom_of: EmbeddedOf) -> None:
    darkroom = darkroom_of(delay=30, worker_grace="60")
    darkroom.client.submit(PROMPTS)
    darkroom.practice.wait_in_flight(10)
    darkroom.process.send(SIGINT)
    until(
        lambda: "its running calls are awaited" in darkroom.process.log_tail(),
        within=10,
        what="it says that it waits",
    )
    began = time.monotonic()
    assert darkroom.process.stop(SIGINT) == 0
    assert time.monotonic() - began < 25, "the calls take 30 s"


@pytest.mark.parametrize("on_unknown", ["retry", "hold"])
def test_a_killed_process_continues_its_jobs_after_a_restart(
    darkroom_of: EmbeddedOf, on_unknown: str
) -> None:
    darkroom = darkroom_of(delay=0.7)
    darkroom.client.submit(PROMPTS, on_unknown=on_unknown)
    darkroom.practice.wait_finished(15)
    darkroom.practice.wait_in_flight(8)
    killed_at = time.monotonic()
    darkroom.process.kill()
    darkroom.start()

    jobs = darkroom.client.wait_settled(len(PROMPTS))
    in_flight = {call.prompt for call in darkroom.practice.calls() if call.in_flight(killed_at)}
    repeated = {prompt for prompt, times in darkroom.practice.call_counts().items() if times > 1}
    held = {job["prompt"] for job in jobs.values() if job["status"] == "held"}
    done = {key: job for key, job in jobs.items() if job["status"] == "succeeded"}
    touched = repeated if on_unknown == "retry" else held
    assert touched
    assert touched <= in_flight
    assert not (repeated if on_unknown == "hold" else held)
    assert len(done) + len(held) == len(PROMPTS)
    darkroom.client.check_images(done)


def test_a_killed_process_frees_its_channel_at_its_next_start(darkroom_of: EmbeddedOf) -> None:
    darkroom = darkroom_of(delay=30, worker_timeout="600")
    darkroom.client.submit(PROMPTS[:20])
    darkroom.practice.wait_in_flight(10)
    darkroom.process.kill()
    darkroom.practice.set_conditions(delay="0.05")
    darkroom.start()
    jobs = darkroom.client.wait_settled(20)
    assert sorted(job["status"] for job in jobs.values()) == ["held"] * 10 + ["succeeded"] * 10


async def test_every_webhook_arrives_although_receiver_and_process_were_down(
    darkroom_of: EmbeddedOf,
) -> None:
    receiver = Receiver()
    await receiver.start()
    darkroom = darkroom_of(delay=0.05)
    default = darkroom.client.request("POST", "/v1/webhooks/default/rotate")
    assert default is not None
    ids = darkroom.client.submit(PROMPTS[:20], webhook_url=receiver.url)
    await receiver.until(20)
    await receiver.stop()
    ids += darkroom.client.submit(PROMPTS[20:30], webhook_url=receiver.url)
    darkroom.client.wait_settled(30)
    darkroom.process.kill()
    await receiver.start()
    darkroom.start()
    await receiver.until(30, within=60)
    await receiver.stop()
    delivered = [got.payload["data"]["id"] for got in receiver.messages]
    assert set(delivered) == set(ids)
    assert len({got.id for got in receiver.messages}) == 30
    last = receiver.messages[-1]
    Webhook(default.json()["secret"]).verify(last.body, dict(last.headers))
