"""The shapes of answers about webhooks, for the OpenAPI document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from models.webhook_events import DeliveryStatus


class WebhookDocument(BaseModel):
    """An endpoint. The one named ``default`` stands for the addresses that jobs bring along."""

    id: str
    object: Literal["webhook"]
    url: str | None
    description: str
    events: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    secret_hint: str
    previous_secret_until: datetime | None = Field(description="until then the old secret signs too")
    created_at: datetime


class WebhookSecretDocument(WebhookDocument):
    """An endpoint with its new secret, which is not shown again."""

    secret: str


class WebhookPageDocument(BaseModel):
    """All endpoints of the caller."""

    data: list[WebhookDocument]


class DeliveryDocument(BaseModel):
    """One message to one receiver."""

    id: str = Field(description="the message's webhook-id")
    object: Literal["webhook_delivery"]
    webhook: str
    job: str | None
    type: str
    revision: int = Field(description="the job's, at the change")
    url: str
    status: DeliveryStatus
    replayed: bool
    tries: int
    created_at: datetime
    next_at: datetime | None
    ended_at: datetime | None
    log: list[dict[str, Any]] = Field(
        description="the last tries: {at, seconds, http_status, problem, answer}"
    )


class DeliveryPageDocument(BaseModel):
    """A page of deliveries, newest first; pass ``next`` as ``before`` for the following one."""

    data: list[DeliveryDocument]
    next: str | None


SHOWN = (
    WebhookDocument,
    WebhookSecretDocument,
    WebhookPageDocument,
    DeliveryDocument,
    DeliveryPageDocument,
)
