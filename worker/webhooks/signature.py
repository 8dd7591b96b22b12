"""Webhook signatures by Standard Webhooks 1.0, and their secrets."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import token_bytes

from standardwebhooks.webhooks import Webhook

#: After a rotation the previous secret signs too, for this long unless the caller says otherwise.
OVERLAP = timedelta(hours=24)
_PREFIX = "whsec_"
_RANDOM_BYTES = 24  # a multiple of three: base64 without padding, which verifiers treat differently


def new_secret() -> str:
    """Return a new secret: ``whsec_`` and 32 characters of base64."""
    return _PREFIX + base64.b64encode(token_bytes(_RANDOM_BYTES)).decode()


def hint_of_secret(secret: str) -> str:
    """Return the first and last characters of a secret, by which its owner recognises it."""
    return f"{secret[: len(_PREFIX) + 4]}…{secret[-4:]}"


def signed_headers(message_id: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers of one attempt: message id, time of sending, and a signature by each secret."""
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, at, text) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
