"""Verification of webhooks, against the signatures that the server makes."""

from datetime import UTC, datetime

import pytest

from darkroom_client import SignatureError, verify_webhook
from worker.webhooks.signature import new_secret, signed_headers

AT = datetime(2026, 1, 1, tzinfo=UTC)
BODY = '{"type": "job.succeeded", "data": {"id": "job_1", "prompt": "猫"}}'.encode()
SECRET = new_secret()


def verified(body: bytes = BODY, *, secret: str = SECRET, late: float = 0, **headers: str) -> object:
    signed = signed_headers("delivery_1", AT, BODY, [new_secret(), SECRET])
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return verify_webhook(body, {**signed, **changed}, secret, now=AT.timestamp() + late)


def test_a_genuine_message_is_returned_with_its_event() -> None:
    event = verify_webhook(BODY, signed_headers("delivery_1", AT, BODY, [SECRET]), SECRET, now=AT.timestamp())
    assert (event.id, event.type, event.data["prompt"], event.replayed) == (
        "delivery_1",
        "job.succeeded",
        "猫",
        False,
    )


def test_during_a_rotation_either_secret_verifies_and_names_of_headers_have_any_case() -> None:
    signed = signed_headers("delivery_1", AT, BODY, [new_secret(), SECRET])
    headers = {name.title(): value for name, value in signed.items()} | {"Webhook-Replay": "true"}
    assert verify_webhook(BODY.decode(), headers, SECRET, now=AT.timestamp()).replayed


@pytest.mark.parametrize("late", [301, -301])
def test_an_old_message_and_one_of_the_future_are_refused(late: float) -> None:
    assert verified(late=late * 0.99)
    with pytest.raises(SignatureError, match="300 s"):
        verified(late=late)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY + b" ", {}),
        (BODY, {"webhook_id": "delivery_2"}),
        (BODY, {"webhook_timestamp": str(int(AT.timestamp()) + 1)}),
        (BODY, {"webhook_timestamp": "soon"}),
        (BODY, {"webhook_signature": "v1,AAAA v1a,é"}),
        (BODY, {"webhook_signature": ""}),
    ],
)
def test_a_message_that_was_changed_is_refused(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        verified(body, **headers)


@pytest.mark.parametrize("secret", ["whsec_AAAAAAAA", "whsec_ä", "whsec_!"])
def test_another_secret_does_not_verify(secret: str) -> None:
    with pytest.raises(SignatureError):
        verified(secret=secret)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data": 1}', b"\xff"])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    text = body.decode("latin-1").encode()
    headers = signed_headers("delivery_1", AT, text, [SECRET])
    with pytest.raises(SignatureError, match="body"):
        verify_webhook(text, headers, SECRET, now=AT.timestamp())
