"""Schema of a submitted job, with the field types that other request schemas share."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from models.errors import InvalidRequest
from models.integrity.bounds import check_time
from models.request import SIZE_PATTERN, ImageSize
from models.retry.rules import RetryRules

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_ODD_CHARACTERS = re.compile(r"[\x00-\x20\x7f<>\"{}|\\^`]")
FREE_FORM_LIMIT = 64 * 1024  #: bytes of params, and of metadata, as JSON
URL_LIMIT = 8192
_MOST_PARTS = 256  # of one message
_LONGEST_DEADLINE = 10 * 365 * 86_400.0  # seconds


def parse_timestamp(value: object) -> datetime | None:
    """Return an RFC 3339 time with offset as UTC; ``None`` stays. Raises ``ValueError``."""
    if value is None:
        return None
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("write a time with its offset, such as 2026-01-31T18:00:00Z (RFC 3339)")
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("there is no such time") from error
    return check_time(moment)


def _non_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def check_web_url(value: str) -> str:
    """Return an http(s) URL that has a host and no odd characters. Raises ``ValueError``."""
    try:
        parts = urlsplit(value)
        valid = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        valid = False
    if not valid or _ODD_CHARACTERS.search(value) or len(value) > URL_LIMIT:
        raise ValueError(f"write an http(s) URL of at most {URL_LIMIT:,} characters")
    return value


def _input_image(value: str) -> str:
    if value.startswith(("data:", "asset_")):
        return value
    try:
        return check_web_url(value)
    except ValueError as error:
        raise ValueError("write an http(s) URL, a data: URL or an asset id") from error


def _size(value: str) -> str:
    ImageSize.parse(value)
    return value


Timestamp = Annotated[
    datetime | None,
    BeforeValidator(parse_timestamp),
    WithJsonSchema({"type": ["string", "null"], "format": "date-time"}),
]
NonBlank = AfterValidator(_non_blank)
Tag = Annotated[str, Field(min_length=1, max_length=64), NonBlank]
InputImage = Annotated[str, Field(min_length=1), AfterValidator(_input_image)]


_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class PauseEnd(BaseModel):
    """When a pause ends by itself: at a time or after a duration; without either, a person ends it."""

    model_config = _STRICT

    until: Timestamp = Field(None, description="when it ends by itself, RFC 3339 with offset")
    duration: float | None = Field(
        None, gt=0, le=_LONGEST_DEADLINE, description="seconds until it ends; give only one of the two"
    )

    def end(self, at: datetime) -> datetime | None:
        """Return the end of a pause that begins at ``at``. Raises ``InvalidRequest``."""
        if self.duration is not None and self.until is not None:
            raise InvalidRequest("duration", "say either until or duration, not both")
        if self.until is not None and self.until <= at:
            raise InvalidRequest("until", "must be in the future")
        return self.until if self.duration is None else at + timedelta(seconds=self.duration)


class TextContent(BaseModel):
    """Text of a message."""

    model_config = _STRICT

    type: Literal["text"] = "text"
    text: str


class ImageUrl(BaseModel):
    """Address of an image, as OpenAI writes it."""

    model_config = _STRICT

    url: InputImage


class ImageContent(BaseModel):
    """Image of a message."""

    model_config = _STRICT

    type: Literal["image_url"]
    image_url: ImageUrl


class AssetContent(BaseModel):
    """Stored image of a message, of an earlier job for example."""

    model_config = _STRICT

    asset: Annotated[str, Field(pattern="^asset_", description="id of an asset")]


class ChatMessage(BaseModel):
    """One message of a conversation, as OpenAI's chat completions take it."""

    model_config = _STRICT

    role: Literal["system", "user", "assistant"]
    content: str | Annotated[list[TextContent | ImageContent | AssetContent], Field(max_length=_MOST_PARTS)]

    @property
    def text(self) -> str:
        """All texts, a line each."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if isinstance(part, TextContent))


class Submission(BaseModel):
    """A job to submit."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    model: Annotated[str, Field(min_length=1, max_length=256, description="name of the model"), NonBlank]
    messages: list[ChatMessage] = Field(
        [],
        max_length=64,
        description="instead of prompt: a conversation that ends with a message of the user. Contents are "
        'texts, or lists of {"type": "text", "text": …}, {"type": "image_url", "image_url": {"url": …}} and '
        '{"asset": "asset_…"}',
    )
    prompt: Annotated[str, Field(min_length=1), NonBlank] | None = Field(
        None, validate_default=True, description="instructions for the model; or give messages"
    )
    system: Annotated[str, NonBlank] | None = Field(None, description="system message for the model")
    wants: Literal["pictures", "text"] = Field(
        "pictures", description="kind of result; text: the model's text about prompt and images"
    )
    images: list[InputImage] = Field(
        [], max_length=16, description="input images in order: http(s) URL, data: URL or asset id"
    )
    mask: InputImage | None = Field(
        None, description="image whose transparent part says where the first input image may change"
    )
    detail: Literal["low", "high", "auto"] | None = Field(
        None, description="with which detail the model looks at input images"
    )
    size: Annotated[str, AfterValidator(_size)] | None = Field(
        None,
        pattern=SIZE_PATTERN,
        description="WIDTHxHEIGHT, a ratio such as 16:9, 1K, 2K, 4K, or auto; as the channel takes it",
    )
    n: int | None = Field(None, ge=1, le=16, description="number of images")
    params: dict[str, Any] = Field({}, description="passed to the provider unchanged; 64 KiB at most")
    priority: int = Field(5, ge=0, le=9, description="higher starts first among the caller's own jobs")
    not_before: Timestamp = Field(None, description="earliest start, RFC 3339 with offset")
    expires_at: Timestamp = Field(
        None, description="latest start, RFC 3339 with offset; a job not started by then expires uncharged"
    )
    expires_in: float | None = Field(
        None,
        gt=0,
        le=_LONGEST_DEADLINE,
        description="seconds until expires_at; give only one of the two",
    )
    metadata: dict[str, Any] = Field({}, description="free-form, returned unchanged; 64 KiB at most")
    webhook_url: Annotated[str, AfterValidator(check_web_url)] | None = Field(
        None, description="receives a webhook when the job ends"
    )
    max_attempts: int | None = Field(None, ge=1, le=20, description="provider calls that the job may use")
    on_unknown: Literal["hold", "retry_once", "retry", "fail"] | None = Field(
        None, description="what happens after a call with an unknown outcome, which may have been charged"
    )
    retry: RetryRules | None = Field(
        None, description="retry rules by failure class, over those of campaign, channel and settings"
    )
    campaign: Annotated[str, NonBlank] | None = Field(
        None, min_length=1, max_length=128, description="name shared by jobs that belong together"
    )
    tags: list[Tag] = Field([], max_length=32, description="labels to filter jobs by")

    allow_unserved: bool = Field(
        False, description="accept the job although no channel serves its model; warnings says so"
    )

    @field_validator("prompt")
    @classmethod
    def _some_prompt(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and not info.data.get("messages"):
            raise ValueError("is required, unless messages are given")
        return value
