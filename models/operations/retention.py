"""Retention: how long ended jobs and what belongs to them are kept, by installation, caller and campaign."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from models.clock import rfc3339
from models.errors import InvalidRequest
from models.settings import Settings

KEEP = "keep"  #: in place of a period: for ever
DEFAULT = "default"  #: in place of a period: as the caller or the settings have it
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_PERIOD = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhdwy]?)")
_LONGEST = 1e9  # seconds, as settings accept them


class RetentionKind(StrEnum):
    """What is kept for a period of its own, counted from the end of the job."""

    JOBS = "jobs"  #: the job with all that belongs to it
    EVENTS = "events"  #: its history
    ATTEMPTS = "attempts"  #: its calls; what they cost stays in the totals
    ANSWERS = "answers"  #: archived raw responses
    PROMPTS = (
        "prompts"  #: what it asked for, and the words that came back; hash and length of the prompt stay
    )
    PICTURES = "pictures"  #: its images; the job stays
    THUMBNAILS = "thumbnails"  #: the small versions of its images


_WITHIN: Mapping[RetentionKind, tuple[RetentionKind, ...]] = {
    RetentionKind.EVENTS: (RetentionKind.JOBS,),
    RetentionKind.ATTEMPTS: (RetentionKind.JOBS,),
    RetentionKind.ANSWERS: (RetentionKind.ATTEMPTS, RetentionKind.PROMPTS, RetentionKind.JOBS),
    RetentionKind.PROMPTS: (RetentionKind.JOBS,),
    RetentionKind.PICTURES: (RetentionKind.JOBS,),
    RetentionKind.THUMBNAILS: (RetentionKind.PICTURES, RetentionKind.JOBS),
}
"""Kinds whose deletion deletes a kind, too."""

Rules = Mapping[RetentionKind, timedelta | None]
"""Period by kind; ``None``: for ever. Kinds that are not named are not ruled here."""


def read_period(field: str, value: object) -> float | str:
    """Return seconds, or ``keep``, of what a person wrote: ``30d``, ``12h``, ``86400``, ``keep``.

    Raises ``InvalidRequest``.
    """
    if value == KEEP:
        return KEEP
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST:
        return float(value)
    match = _PERIOD.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(match[1]) * _UNITS[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= _LONGEST:
        raise InvalidRequest(field, f"write a period such as 30d, 12h or 86400 (seconds), or {KEEP}")
    return seconds


def read_rules(stored: Any) -> Rules:
    """Return the rules of a row's column; what can't be read is left out, so that nothing is deleted by it.

    A rule that can't be read counts as ``keep``.
    """
    if not isinstance(stored, Mapping):
        return {}
    rules: dict[RetentionKind, timedelta | None] = {}
    for kind in RetentionKind:
        if (value := stored.get(kind.value)) is None:
            continue
        plain = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST
        rules[kind] = timedelta(seconds=value) if plain else None
    return rules


def rules_of(settings: Settings) -> Rules:
    """Return the rules of the settings; kinds without a period are kept for ever."""
    found = {kind: getattr(settings, f"retention_{kind.value}") for kind in RetentionKind}
    return {kind: None if seconds is None else timedelta(seconds=seconds) for kind, seconds in found.items()}


class RuleOwner(StrEnum):
    """Whose rule is in force for a kind."""

    JOB = "job"  #: it is kept
    CAMPAIGN = "campaign"
    CALLER = "caller"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Deletion:
    """When a kind is deleted, and by which rule."""

    kind: RetentionKind
    period: timedelta | None  #: after the end of the job; ``None``: never
    deleted_with: RetentionKind  #: whose period is over first: its own, or that of what it belongs to
    rule: RuleOwner


@dataclass(frozen=True, slots=True)
class Retention:
    """The rules in force for a job: that it is kept, else its campaign's, its caller's, or the settings'."""

    campaign: Rules
    caller: Rules
    settings: Rules
    keep: bool = False

    def owner(self, kind: RetentionKind) -> RuleOwner:
        """Return whose rule is in force for a kind."""
        if self.keep:
            return RuleOwner.JOB
        if kind in self.campaign:
            return RuleOwner.CAMPAIGN
        return RuleOwner.CALLER if kind in self.caller else RuleOwner.SETTINGS

    def period(self, kind: RetentionKind) -> timedelta | None:
        """Return for how long a kind is kept after the end of the job; ``None``: for ever."""
        if self.keep:
            return None
        for rules in (self.campaign, self.caller, self.settings):
            if kind in rules:
                return rules[kind]
        return None

    def deletion(self, kind: RetentionKind) -> Deletion:
        """Return when a kind is deleted: by its own period, or earlier with what it belongs to."""
        first, period = kind, self.period(kind)
        for outer in _WITHIN.get(kind, ()):
            each = self.period(outer)
            if each is not None and (period is None or each < period):
                first, period = outer, each
        return Deletion(kind, period, first, self.owner(first))

    def is_of_settings(self, kind: RetentionKind) -> bool:
        """Return whether the settings alone rule a kind."""
        return self.owner(kind) is RuleOwner.SETTINGS

    def due(self, ended: datetime, now: datetime) -> frozenset[RetentionKind]:
        """Return the kinds whose time is over for a job that ended then."""
        periods = {kind: self.period(kind) for kind in RetentionKind}
        return frozenset(kind for kind, each in periods.items() if each is not None and ended < now - each)


def retention_view(retention: Retention, ended: datetime | None) -> dict[str, Any]:
    """Return when what belongs to a job is deleted, as JSON; ``ended``: ``None`` while it is open."""
    return {
        "keep": retention.keep,
        "ended_at": None if ended is None else rfc3339(ended),
        "kinds": [_deletion_view(retention.deletion(kind), ended) for kind in RetentionKind],
    }


def _deletion_view(deletion: Deletion, ended: datetime | None) -> dict[str, Any]:
    period = deletion.period
    return {
        "kind": deletion.kind.value,
        "seconds": None if period is None else period.total_seconds(),
        "deleted_with": deletion.deleted_with.value,
        "rule": deletion.rule.value,
        "due_at": None if period is None or ended is None else rfc3339(ended + period),
    }
