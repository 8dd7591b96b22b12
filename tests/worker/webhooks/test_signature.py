"""Signatures are those of the Standard Webhooks specification."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from worker.webhooks.signature import hint_of_secret, new_secret, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, UTC)


def test_the_example_of_the_specification_is_reproduced() -> None:
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, b'{"test": 2432232314}', [SECRET])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_make_two_independent_signatures() -> None:
    new = new_secret()
    one, other, both = (
        signed_headers("m", AT, b"{}", keys)["webhook-signature"] for keys in ([SECRET], [new], [SECRET, new])
    )
    assert both == f"{one} {other}"


def test_a_secret_suits_every_verifier_and_its_hint_does_not_reveal_it() -> None:
    secret = new_secret()
    prefix, text = secret.split("_")
    assert prefix == "whsec"
    assert len(base64.b64decode(text, validate=True)) == 24
    assert "=" not in text
    assert secret not in hint_of_secret(secret)
    assert new_secret() != secret


def passes_as_with_openai(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Check a message by the steps of ``client.webhooks`` of the ``openai`` package (its age aside).

    The secret's base64 is read strictly; the time has to be a whole number; of the signatures, one must fit.
    """
    assert abs(int(headers["webhook-timestamp"]) - AT.timestamp()) < 1
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = ".".join((headers["webhook-id"], headers["webhook-timestamp"], body.decode()))
    expected = base64.b64encode(hmac.digest(key, signed.encode(), hashlib.sha256)).decode()
    given = [each.removeprefix("v1,") for each in headers["webhook-signature"].split()]
    return any(hmac.compare_digest(expected, each) for each in given)


@pytest.mark.parametrize("body", [b"{}", '{"prompt": "一只猫 🐈 \\u0000"}'.encode()])
def test_the_openai_client_verifies_messages_also_in_a_rotation(body: bytes) -> None:
    old, new, strange = new_secret(), new_secret(), new_secret()
    headers = signed_headers("delivery_01h455vb4pex5vsknk084sn02q", AT, body, [new, old])
    assert passes_as_with_openai(headers, body, new)
    assert passes_as_with_openai(headers, body, old)
    assert not passes_as_with_openai(headers, body, strange)
    assert not passes_as_with_openai(headers, body + b" ", new)
