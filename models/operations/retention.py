"""Retention: how long ended jobs and what belongs to them are kept, by installation, caller and campaign."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

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
    PICTURES = "pictures"  #: its images; the job stays
    THUMBNAILS = "thumbnails"  #: the small versions of its images


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


@dataclass(frozen=True, slots=True)
class Retention:
    """The rules in force for a job: its campaign's, else its caller's, else the settings'."""

    campaign: Rules
    caller: Rules
    settings: Rules

    def period(self, kind: RetentionKind) -> timedelta | None:
        """Return for how long a kind is kept after the end of the job; ``None``: for ever."""
        for rules in (self.campaign, self.caller, self.settings):
            if kind in rules:
                return rules[kind]
        return None

    def is_of_settings(self, kind: RetentionKind) -> bool:
        """Return whether neither the campaign nor the caller has a rule of its own for a kind."""
        return kind not in self.campaign and kind not in self.caller

    def due(self, ended: datetime, now: datetime) -> frozenset[RetentionKind]:
        """Return the kinds whose time is over for a job that ended then."""
        periods = {kind: self.period(kind) for kind in RetentionKind}
        return frozenset(kind for kind, each in periods.items() if each is not None and ended < now - each)
