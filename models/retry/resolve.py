"""Which retry policy holds for a job: the settings', and its channel's, campaign's and own rules over it."""

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
    """The settings' policy, and the rules of single channels by name."""

    usual: RetryPolicy
    channels: Mapping[str, RetryRules | None]

    @classmethod
    def from_settings(cls, settings: Settings) -> "Policies":
        """Read them from the settings."""
        back_off = timedelta(seconds=settings.retry_base), timedelta(seconds=settings.retry_cap)
        usual = effective(RetryPolicy.of(*back_off), settings.retry)
        return cls(usual, {channel.name: channel.retry for channel in settings.all_channels()})

    def of(self, job: Any) -> RetryPolicy:
        """Return the policy for a row with ``channel``, ``campaign_retry`` and ``retry``."""
        return effective(
            self.usual, self.channels.get(job.channel), _kept(job.campaign_retry), _kept(job.retry)
        )


def _kept(rules: Mapping[str, Any] | None) -> RetryRules | None:
    """Read what a row keeps. What another version wrote and this one can't read must not stop the job."""
    try:
        return RetryRules.model_validate(rules) if rules else None
    except ValidationError as error:
        _log.warning("retry rules can't be read, and are ignored", rules=rules, error=str(error)[:300])
        return None
