"""Messages are signed by every valid secret, and show the job as it was at the event."""

from dataclasses import replace
from datetime import datetime, timedelta

from standardwebhooks.webhooks import Webhook

from models.api_keys import new_key
from models.credentials.encryption import SecretCipher
from models.queries.webhooks.deliveries import replay
from models.queries.webhooks.endpoints import change_endpoint
from models.states import JobStatus
from tests.support.darkroom import Darkroom
from tests.support.receiver import ReceivedMessage, Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker
from worker.webhooks.signature import new_secret

S = JobStatus
RUNNING = (S.QUEUED, S.LEASED, S.RUNNING)


def signed_with(got: ReceivedMessage, secret: str) -> bool:
    """Return whether one of the signatures is valid for this secret, as a receiver would check."""
    at = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), tz=None).astimezone()
    expected = Webhook(secret).sign(got.id, at, got.body.decode())
    return expected in got.headers["webhook-signature"].split(" ")


async def test_the_secret_of_the_default_endpoint_signs_for_jobs_own_urls(
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


async def test_a_secret_is_decrypted_to_sign(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    cipher, secret = SecretCipher([new_key()]), new_secret()
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, secret=cipher.encrypt(secret))
    await webhooks.job(caller)
    with_key = replace(webhooks.context, services=replace(darkroom.services, cipher=cipher))
    await replace(webhooks, context=with_key).send()
    (got,) = receiver.messages
    assert signed_with(got, secret)


async def test_a_webhook_whose_secret_can_not_be_read_waits_with_the_reason_and_without_an_attempt(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    cipher, secret = SecretCipher([new_key()]), new_secret()
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, secret=cipher.encrypt(secret))
    await webhooks.job(caller)
    for _ in range(3):
        await webhooks.send()
        darkroom.clock.forward(minutes=2)
    (row,) = await webhooks.deliveries()
    assert (row.status, row.tries, len(row.log), row.claim) == ("pending", 0, 1, None)
    assert "DARKROOM_SECRET_KEY is not set" in row.log[0]["problem"]
    assert receiver.messages == []
    with_key = replace(webhooks.context, services=replace(darkroom.services, cipher=cipher))
    await replace(webhooks, context=with_key).send()
    (got,) = receiver.messages
    assert signed_with(got, secret)
    assert await webhooks.statuses() == ["delivered"]


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


async def test_a_late_message_shows_the_job_as_it_was_at_the_event(
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


async def test_an_endpoint_deleted_after_the_claim_is_sent_nothing(
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
