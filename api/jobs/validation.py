"""Validation of a submitted job: a job to insert, or a rejection that names the invalid fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import ValidationError

from api.jobs.conversation import Conversation, read_conversation
from api.jobs.schemas import FREE_FORM_LIMIT, Submission
from api.web.json_body import check_free_form
from models.errors import ImageError, InvalidRequest, NotFound
from models.ids import new_id, parse_id, short_range
from models.integrity.field_errors import plain_message
from models.queries.jobs import NewJob
from models.request import OWN_MEMBERS, TEXT
from models.settings import Settings
from worker.download.ssrf import AllowList, check_host

_MOST_ERRORS = 20  # in one rejection
_MOST_DESCRIBED = 1000  # errors; describing all of more would take seconds
_MESSAGES = {
    "extra_forbidden": "there is no such field",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
}  # beside those of ``plain_message``


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a job is not accepted. ``errors`` are ``{field, message}``."""

    code: str
    errors: Sequence[Mapping[str, str]]

    @property
    def message(self) -> str:
        """All errors in one line."""
        return "; ".join(f"{error['field']}: {error['message']}" for error in self.errors)


@dataclass(frozen=True, slots=True)
class ValidJob:
    """A valid job, whose input images are still to be stored or looked up."""

    job: NewJob
    images: Sequence[str]
    fields: Sequence[str]  #: name of the field that each input image came in
    assets: Mapping[int, UUID]  #: input images given as whole asset ids, by position
    allow_unserved: bool = False  #: whether it is accepted although no channel serves its model

    def with_images(self, images: Sequence[str]) -> NewJob:
        """Return the job with its final input images."""
        return replace(self.job, request={**self.job.request, "images": list(images)})

    def with_request(self, **members: Any) -> "ValidJob":
        """Return the job with further members of its request, which only surfaces can set."""
        return replace(self, job=replace(self.job, request={**self.job.request, **members}))


def check_webhook_url(field: str, url: str, settings: Settings) -> None:
    """Refuse webhook URLs with credentials or a private IP address. Raises ``InvalidRequest``.

    A host name passes: its addresses are checked at every delivery.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(field, "put no user name into it; check the messages' signature instead")
    try:
        check_host(parts.hostname or "", AllowList.parse(settings.allow_private))
    except ImageError as error:
        raise InvalidRequest(field, error.message, code="blocked_address") from error


def validate(value: Any, settings: Settings, at: datetime) -> ValidJob | Rejection:
    """Return a submitted job as a valid job, or why it is rejected."""
    try:
        submission = Submission.model_validate(value)
        talk = read_conversation(submission)
        _check(submission, talk, settings)
        expires_at = _deadline(submission, at)
        assets = {
            position: _asset_key(image, talk.fields[position])
            for position, image in enumerate(talk.images)
            if image.startswith("asset_") and short_range("asset", image) is None
        }
    except ValidationError as error:
        return rejection_of(error)
    except InvalidRequest as error:
        return Rejection(error.code, [{"field": error.field, "message": error.message}])
    job = _job(submission, talk, settings, at, expires_at)
    return ValidJob(job, talk.images, talk.fields, assets, submission.allow_unserved)


def rejection_of(error: ValidationError) -> Rejection:
    """Return pydantic's errors as a rejection."""
    if (count := error.error_count()) > _MOST_DESCRIBED:
        message = f"has {count:,} errors; see /docs for what it may have"
        return Rejection("invalid", [{"field": "body", "message": message}])
    details = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_ERRORS]
    errors = [
        {
            "field": ".".join(str(part) for part in each["loc"])[:200] or "body",
            "message": _MESSAGES.get(each["type"]) or plain_message(each),
        }
        for each in details
    ]
    return Rejection("invalid", errors)


def _check(submission: Submission, talk: Conversation, settings: Settings) -> None:
    if talk.length > settings.prompt_limit:
        raise InvalidRequest(
            "messages" if submission.messages else "prompt",
            f"may have at most {settings.prompt_limit:,} characters",
            code="prompt_too_long",
        )
    if taken := sorted(OWN_MEMBERS & submission.params.keys()):
        raise InvalidRequest(f"params.{taken[0]}", "is written by Darkroom itself; take it out of params")
    if submission.params:
        check_free_form("params", submission.params, FREE_FORM_LIMIT)
    if submission.metadata:
        check_free_form("metadata", submission.metadata, FREE_FORM_LIMIT)
    if submission.webhook_url is not None:
        check_webhook_url("webhook_url", submission.webhook_url, settings)


def _deadline(submission: Submission, at: datetime) -> datetime | None:
    """Return the time by which the job must have started, or ``None``. Raises ``InvalidRequest``."""
    deadline, field = submission.expires_at, "expires_at"
    if submission.expires_in is not None:
        if deadline is not None:
            raise InvalidRequest("expires_in", "say either expires_at or expires_in, not both")
        deadline, field = at + timedelta(seconds=submission.expires_in), "expires_in"
    if deadline is not None and deadline <= at:
        raise InvalidRequest(field, "must be in the future")
    if deadline is not None and submission.not_before is not None and deadline <= submission.not_before:
        raise InvalidRequest(field, "must be later than not_before, or the job could never start")
    return deadline


def _asset_key(image: str, field: str) -> UUID:
    try:
        return parse_id("asset", image)
    except NotFound as error:
        raise InvalidRequest(field, str(error), code="input_image_not_found") from error


def _job(
    submission: Submission, talk: Conversation, settings: Settings, at: datetime, expires_at: datetime | None
) -> NewJob:
    request = {
        **talk.members(),
        "size": submission.size,
        "n": submission.n,
        "params": submission.params,
    }
    if submission.detail is not None:
        request["detail"] = submission.detail
    if submission.wants == TEXT:
        request["wants"] = TEXT
    return NewJob(
        id=new_id(),
        model=submission.model,
        prompt=talk.prompt,
        request=request,
        priority=submission.priority,
        max_attempts=submission.max_attempts or settings.max_attempts,
        on_unknown=submission.on_unknown or settings.on_unknown.value,
        not_before=max(at, submission.not_before or at),
        campaign=submission.campaign,
        tags=submission.tags,
        metadata=submission.metadata,
        webhook_url=submission.webhook_url,
        expires_at=expires_at,
        retry=submission.retry.to_json() or None if submission.retry else None,
    )
