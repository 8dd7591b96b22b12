"""What callers write about webhooks, checked."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.jobs.schemas import check_web_url
from api.jobs.validation import check_webhook_url, rejection_of
from api.web.problems import Problem
from models.clock import rfc3339
from models.ids import public_id
from models.serializers import moment
from models.settings import Settings
from models.webhook_events import DEFAULT_EVENTS, DeliveryStatus
from worker.webhooks.signature import OVERLAP, hint_of_secret

_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_LONGEST_OVERLAP = 7 * 86_400  # seconds
_Url = Annotated[str, AfterValidator(check_web_url), Field(description="where messages are sent: http(s)")]
_Event = Literal["job.succeeded", "job.failed", "job.held", "job.cancelled", "job.expired", "job.progress"]
_Events = Annotated[list[_Event], Field(min_length=1, max_length=6, description="what is told")]
_Description = Annotated[str, Field(max_length=200, description="yours, to recognise it by")]


class NewWebhook(BaseModel):
    """An endpoint to tell of all the caller's jobs."""

    model_config = _STRICT

    url: _Url
    events: _Events = Field(default_factory=lambda: usual_events())
    description: _Description = ""


class WebhookChange(BaseModel):
    """What to change about an endpoint; what is not named stays."""

    model_config = _STRICT

    url: _Url | None = None
    events: _Events | None = None
    description: _Description | None = None
    enabled: bool | None = Field(None, description="false: nothing is sent, what waits is dropped")

    @model_validator(mode="after")
    def _something(self) -> "WebhookChange":
        if not self.model_dump(exclude_none=True):
            raise ValueError("name what to change: url, events, description or enabled")
        return self


class Rotation(BaseModel):
    """How to change a secret."""

    model_config = _STRICT

    overlap: int = Field(
        int(OVERLAP.total_seconds()),
        ge=0,
        le=_LONGEST_OVERLAP,
        description="seconds that the old secret signs too",
    )


Body = TypeVar("Body", bound=BaseModel)


def usual_events() -> list[Any]:
    """Return what is told to those who do not choose."""
    return sorted(event.value for event in DEFAULT_EVENTS)


def body_of(kind: type[Body], value: Any, settings: Settings) -> Body:
    """Read a body. Raises the 422 problem, also for an address that may not be reached."""
    try:
        given = kind.model_validate(value)
    except ValidationError as error:
        fault = rejection_of(error)
        raise Problem(422, fault.code, fault.message, errors=fault.errors) from error
    if url := getattr(given, "url", None):
        check_webhook_url("url", url, settings)
    return given


def unique(events: Sequence[str]) -> list[str]:
    """Return each event once, in order of name."""
    return sorted(set(events))


# Webhook endpoints and deliveries as callers see them.

DEFAULT = "default"  #: the id of every caller's own default endpoint


def webhook_view(row: Any, *, secret: str | None = None) -> dict[str, Any]:
    """Describe an endpoint; ``secret`` is shown only to who has just made it."""
    shown = {
        "id": DEFAULT if row.url is None else public_id("webhook", row.id),
        "object": "webhook",
        "url": row.url,
        "description": row.description,
        "events": usual_events() if row.url is None else row.events,
        "enabled": row.disabled_at is None,
        "disabled_at": moment(row.disabled_at),
        "disabled_reason": row.disabled_reason,
        "secret_hint": hint_of_secret(row.secret),
        "previous_secret_until": moment(row.previous_until),
        "created_at": rfc3339(row.created_at),
    }
    return shown if secret is None else {**shown, "secret": secret}


def delivery_view(row: Any) -> dict[str, Any]:
    """Describe a delivery with its last tries."""
    pending = row.status == DeliveryStatus.PENDING
    return {
        "id": public_id("delivery", row.id),
        "object": "webhook_delivery",
        "webhook": DEFAULT if row.endpoint_id is None else public_id("webhook", row.endpoint_id),
        "job": None if row.job_id is None else public_id("job", row.job_id),
        "type": row.event,
        "revision": row.revision,
        "url": row.url,
        "status": row.status,
        "replayed": row.replayed,
        "tries": row.tries,
        "created_at": rfc3339(row.at),
        "next_at": rfc3339(row.next_at) if pending else None,
        "ended_at": moment(row.ended_at),
        "log": row.log,
    }
