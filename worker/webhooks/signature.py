"""Signatures as Standard Webhooks 1.0 describes them, and the secrets that make them."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from standardwebhooks.webhooks import Webhook

OVERLAP = timedelta(
    hours=24
)  #: so long the secret before a rotation signs too, unless the caller says otherwise
_PREFIX = "whsec_"
_RANDOM_BYTES = 24  # a multiple of three: base64 without padding, which verifiers treat differently


def new_secret() -> str:
    """Return a new secret: ``whsec_`` and 32 characters of base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_RANDOM_BYTES)).decode()


def hint_of_secret(secret: str) -> str:
    """Return a secret's first and last characters, by which its owner recognises it."""
    return f"{secret[: len(_PREFIX) + 4]}…{secret[-4:]}"


def signed_headers(message_id: str, at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers of one try: who it is, when it is sent, and a signature by each of the secrets."""
    text = body.decode()
    signatures = [Webhook(key).sign(message_id, at, text) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
