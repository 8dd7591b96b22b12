"""From what a caller wrote to a job that may be born, or the faults that prevent it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import ValidationError

from api.jobs.schemas import FREE_FORM_LIMIT, Submission
from api.web.json_body import check_free_form
from models.errors import ImageError, InvalidRequest, NotFound
from models.ids import new_id, parse_id
from models.queries.jobs import NewJob
from models.request import OWN_MEMBERS, TEXT
from models.settings import Settings
from worker.download.ssrf import AllowList, check_host

# Addresses that callers want to be told at: what can be seen to be wrong is refused at once.


def check_webhook_url(field: str, url: str, settings: Settings) -> None:
    """Refuse a private address that is not allowed, and passwords. Raises ``InvalidRequest``.

    A name passes: what it stands for is judged whenever a message is sent.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(field, "put no user name into it; check the messages' signature instead")
    try:
        check_host(parts.hostname or "", AllowList.parse(settings.allow_private))
    except ImageError as error:
        raise InvalidRequest(field, error.message, code="blocked_address") from error


_SHOWN = 20  # faults in one answer
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "there is no such field",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "string_too_short": "must not be empty",
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a job can't be accepted. ``errors`` are ``{field, message}``."""

    code: str
    errors: Sequence[Mapping[str, str]]

    @property
    def message(self) -> str:
        """All of it in one line."""
        return "; ".join(f"{error['field']}: {error['message']}" for error in self.errors)


@dataclass(frozen=True, slots=True)
class ValidJob:
    """A job that may be born once its input pictures are in order."""

    job: NewJob
    images: Sequence[str]
    assets: Mapping[int, UUID]  #: the images that are stored already, by position

    def with_images(self, images: Sequence[str]) -> NewJob:
        """Return the job with its final input pictures."""
        return replace(self.job, request={**self.job.request, "images": list(images)})

    def with_request(self, **members: Any) -> "ValidJob":
        """Return the draft with further members of its request, which only surfaces can set."""
        return replace(self, job=replace(self.job, request={**self.job.request, **members}))


def validate(value: Any, settings: Settings, at: datetime) -> ValidJob | Rejection:
    """Check one submitted job."""
    try:
        given = Submission.model_validate(value)
        _check(given, settings)
        expires_at = _deadline(given, at)
        assets = {
            position: _asset_key(image, position)
            for position, image in enumerate(given.images)
            if image.startswith("asset_")
        }
    except ValidationError as error:
        return rejection_of(error)
    except InvalidRequest as error:
        return Rejection(error.code, [{"field": error.field, "message": error.message}])
    return ValidJob(_job(given, settings, at, expires_at), given.images, assets)


def rejection_of(error: ValidationError) -> Rejection:
    """Put pydantic's findings into our words."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[:_SHOWN]
    errors = [
        {
            "field": ".".join(str(part) for part in each["loc"])[:200] or "body",
            "message": _WORDS.get(each["type"], each["msg"].removeprefix("Value error, ")),
        }
        for each in found
    ]
    return Rejection("invalid", errors)


def _check(given: Submission, settings: Settings) -> None:
    if len(given.prompt) > settings.prompt_limit:
        raise InvalidRequest(
            "prompt", f"may have at most {settings.prompt_limit:,} characters", code="prompt_too_long"
        )
    if taken := sorted(OWN_MEMBERS & given.params.keys()):
        raise InvalidRequest(f"params.{taken[0]}", "is written by Darkroom itself; take it out of params")
    check_free_form("params", given.params, FREE_FORM_LIMIT)
    check_free_form("metadata", given.metadata, FREE_FORM_LIMIT)
    if given.webhook_url is not None:
        check_webhook_url("webhook_url", given.webhook_url, settings)


def _deadline(given: Submission, at: datetime) -> datetime | None:
    """Return until when the job must have started. Raises ``InvalidRequest``."""
    until, field = given.expires_at, "expires_at"
    if given.expires_in is not None:
        if until is not None:
            raise InvalidRequest("expires_in", "say either expires_at or expires_in, not both")
        until, field = at + timedelta(seconds=given.expires_in), "expires_in"
    if until is not None and until <= at:
        raise InvalidRequest(field, "must be in the future")
    if until is not None and given.not_before is not None and until <= given.not_before:
        raise InvalidRequest(field, "must be later than not_before, or the job could never start")
    return until


def _asset_key(image: str, position: int) -> UUID:
    try:
        return parse_id("asset", image)
    except NotFound as error:
        raise InvalidRequest(f"images.{position}", str(error), code="input_image_not_found") from error


def _request(given: Submission) -> dict[str, Any]:
    request = {"images": given.images, "size": given.size, "n": given.n, "params": given.params}
    return request | ({"wants": TEXT} if given.wants == TEXT else {})


def _job(given: Submission, settings: Settings, at: datetime, expires_at: datetime | None) -> NewJob:
    return NewJob(
        id=new_id(),
        model=given.model,
        prompt=given.prompt,
        request=_request(given),
        priority=given.priority,
        max_attempts=given.max_attempts or settings.max_attempts,
        on_unknown=given.on_unknown or settings.on_unknown.value,
        not_before=max(at, given.not_before or at),
        campaign=given.campaign,
        tags=given.tags,
        metadata=given.metadata,
        webhook_url=given.webhook_url,
        expires_at=expires_at,
        retry=given.retry.to_json() or None if given.retry else None,
    )
