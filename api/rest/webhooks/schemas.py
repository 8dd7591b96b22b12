"""What callers write about webhooks, checked."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.jobs.schemas import web_address
from api.jobs.validation import fault_of
from api.web.problems import Problem
from api.webhook_targets import check_target
from models.settings import Settings
from models.webhook_events import USUAL
from worker.webhooks.signature import OVERLAP

_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_LONGEST_OVERLAP = 7 * 86_400  # seconds
_Url = Annotated[str, AfterValidator(web_address), Field(description="where messages are sent: http(s)")]
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
    return sorted(event.value for event in USUAL)


def body_of(kind: type[Body], value: Any, settings: Settings) -> Body:
    """Read a body. Raises the 422 problem, also for an address that may not be reached."""
    try:
        given = kind.model_validate(value)
    except ValidationError as error:
        fault = fault_of(error)
        raise Problem(422, fault.code, fault.message, errors=fault.errors) from error
    if url := getattr(given, "url", None):
        check_target("url", url, settings)
    return given


def unique(events: Sequence[str]) -> list[str]:
    """Return each event once, in order of name."""
    return sorted(set(events))
