"""Request schemas of webhooks, and their validation."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.jobs.schemas import check_web_url
from api.jobs.validation import check_webhook_url, rejection_of
from api.web.problems import Problem
from models.settings import Settings
from models.webhook_events import DEFAULT_EVENTS
from worker.webhooks.signature import OVERLAP

_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_LONGEST_OVERLAP = 7 * 86_400  # seconds
_Url = Annotated[str, AfterValidator(check_web_url), Field(description="where messages are sent: http(s)")]
_Event = Literal[
    "job.succeeded",
    "job.failed",
    "job.held",
    "job.cancelled",
    "job.expired",
    "job.progress",
    "batch.completed",
    "batch.failed",
    "batch.expired",
    "batch.cancelled",
    "response.completed",
    "response.failed",
    "response.cancelled",
    "response.incomplete",
    "alert.*",
]
_Events = Annotated[
    list[_Event],
    Field(min_length=1, max_length=15, description="events that are sent; alert.* needs an admin's key"),
]
_Description = Annotated[
    str, Field(max_length=200, description="your own note, by which to recognise the webhook")
]


def _default_events() -> list[Any]:
    return sorted(event.value for event in DEFAULT_EVENTS)


class NewWebhook(BaseModel):
    """A webhook endpoint that receives events of all jobs of the caller."""

    model_config = _STRICT

    url: _Url
    events: _Events = Field(default_factory=_default_events)
    description: _Description = ""


class WebhookChange(BaseModel):
    """Changes of a webhook endpoint; members that are missing stay as they are."""

    model_config = _STRICT

    url: _Url | None = None
    events: _Events | None = None
    description: _Description | None = None
    enabled: bool | None = Field(None, description="false: nothing is sent, pending deliveries are stopped")

    @model_validator(mode="after")
    def _not_empty(self) -> "WebhookChange":
        if not self.model_dump(exclude_none=True):
            raise ValueError("name what to change: url, events, description or enabled")
        return self


class Rotation(BaseModel):
    """Rotation of a secret."""

    model_config = _STRICT

    overlap: int = Field(
        int(OVERLAP.total_seconds()),
        ge=0,
        le=_LONGEST_OVERLAP,
        description="seconds for which the previous secret signs too",
    )


Schema = TypeVar("Schema", bound=BaseModel)


def validate(schema: type[Schema], value: Any, settings: Settings) -> Schema:
    """Return the validated body. Raises the 422 problem, also for a URL that may not be reached."""
    try:
        body = schema.model_validate(value)
    except ValidationError as error:
        rejection = rejection_of(error)
        raise Problem(422, rejection.code, rejection.message, errors=rejection.errors) from error
    if url := getattr(body, "url", None):
        check_webhook_url("url", url, settings)
    return body
