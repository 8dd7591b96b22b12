"""What callers set for their campaigns, checked."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.jobs.validation import fault_of
from api.web.problems import Problem
from models.retry.rules import RetryRules


class CampaignSettings(BaseModel):
    """What holds for all jobs of a campaign, unless a job says otherwise."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    retry: RetryRules | None = Field(
        None, description="rules by class of failure, over those of channel and settings"
    )


def settings_in(value: Any) -> CampaignSettings:
    """Read a body. Raises the 422 problem."""
    try:
        return CampaignSettings.model_validate(value)
    except ValidationError as error:
        fault = fault_of(error)
        raise Problem(422, fault.code, fault.message, errors=fault.errors) from error


def merged(kept: Mapping[str, Any] | None, said: CampaignSettings) -> CampaignSettings:
    """Lay a change over what is kept, as JSON Merge Patch (RFC 7396): null takes away. Raises the problem."""
    before = {"retry": dict(kept or {})}
    return settings_in(_patched(before, said.model_dump(mode="json", exclude_unset=True)))


def _patched(kept: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    left = {name: value for name, value in kept.items() if said.get(name, value) is not None}
    for name, value in said.items():
        if isinstance(value, dict):
            left[name] = _patched(kept.get(name) or {}, value)
        elif value is not None:
            left[name] = value
    return left
