"""Verification of received webhooks (Standard Webhooks 1.0)."""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from darkroom_client.documents import Document
from darkroom_client.errors import SignatureError

TOLERANCE = 300.0  #: seconds that the time of a message may be away
_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A genuine message. It may come twice: deduplicate by ``id``. ``data`` is the job at the event."""

    id: str
    type: str  #: such as job.succeeded
    data: Document
    replayed: bool
    document: Document


def verify_webhook(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> WebhookEvent:
    """Return the event in a request's raw body, once its signature is proven. Raises ``SignatureError``.

    ``now`` is in Unix seconds.
    """
    content = body.encode() if isinstance(body, str) else body
    given = {name.lower(): value for name, value in headers.items()}
    message_id, sent, signatures = (
        given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not (message_id and sent and signatures):
        raise SignatureError("The request has no webhook-id, webhook-timestamp and webhook-signature.")
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise SignatureError("webhook-timestamp is no Unix time.")
    if abs((time.time() if now is None else now) - int(sent)) > tolerance:
        raise SignatureError(f"The message is more than {tolerance:g} s old, or of the future.")
    digest = hmac.digest(_key_of(secret), f"{message_id}.{sent}.".encode() + content, hashlib.sha256)
    expected = b"v1," + b64encode(digest)
    if not any(hmac.compare_digest(each.encode(), expected) for each in signatures.split()):
        raise SignatureError("No signature of the message is by this secret.")
    return _event_of(message_id, content, replayed=given.get("webhook-replay") == "true")


def _key_of(secret: str) -> bytes:
    try:
        return b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError as error:
        raise SignatureError(f"A secret is {_PREFIX} and base64; this is none.") from error


def _event_of(message_id: str, content: bytes, *, replayed: bool) -> WebhookEvent:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SignatureError("The body of the message is no JSON.") from error
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise SignatureError("The body of the message is no event.")
    return WebhookEvent(message_id, str(document.get("type", "")), data, replayed, document)
