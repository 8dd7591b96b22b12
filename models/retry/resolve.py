"""Retry policy in force for a job: settings, overridden by its channel, its campaign and its own rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from pydantic import ValidationError

from models.retry.backoff import RetryPolicy, effective
from models.retry.rules import RetryRules
from models.settings import Settings

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy of the settings, and the rules of channels by name."""

    usual: RetryPolicy
    channels: Mapping[str, RetryRules | None]

    @classmethod
    def from_settings(cls, settings: Settings) -> "Policies":
        """Return the policies of these settings."""
        back_off = timedelta(seconds=settings.retry_base), timedelta(seconds=settings.retry_cap)
        usual = effective(RetryPolicy.of(*back_off), settings.retry)
        return cls(usual, {channel.name: channel.retry for channel in settings.all_channels()})

    def of(self, job: Any) -> RetryPolicy:
        """Return the policy for a row with ``channel``, ``campaign_retry`` and ``retry``."""
        return effective(
            self.usual, self.channels.get(job.channel), _stored(job.campaign_retry), _stored(job.retry)
        )


def _stored(rules: Mapping[str, Any] | None) -> RetryRules | None:
    """Read the rules of a row. Rules of another version that this one can't read must not stop the job."""
    try:
        return RetryRules.model_validate(rules) if rules else None
    except ValidationError as error:
        _log.warning("retry rules can't be read, and are ignored", rules=rules, error=str(error)[:300])
        return None
