"""Signatures are those of the Standard Webhooks specification."""

import base64
from datetime import UTC, datetime

from worker.webhooks.signing import hint_of_secret, new_secret, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, UTC)


def test_the_specification_s_example_comes_out() -> None:
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, b'{"test": 2432232314}', [SECRET])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_make_two_signatures_and_none_of_them_depends_on_the_other() -> None:
    new = new_secret()
    one, other, both = (
        signed_headers("m", AT, b"{}", keys)["webhook-signature"] for keys in ([SECRET], [new], [SECRET, new])
    )
    assert both == f"{one} {other}"


def test_a_secret_suits_every_verifier_and_is_only_hinted_at() -> None:
    secret = new_secret()
    prefix, text = secret.split("_")
    assert prefix == "whsec"
    assert len(base64.b64decode(text, validate=True)) == 24
    assert "=" not in text
    assert secret not in hint_of_secret(secret)
    assert new_secret() != secret
