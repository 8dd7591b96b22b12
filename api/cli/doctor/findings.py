"""Findings of the checks."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check. ``message`` says what was found; ``fix``, for a problem, says what to do."""

    check: str
    ok: bool
    message: str
    fix: str | None = None

    def value(self) -> dict[str, Any]:
        """Return the finding for scripts."""
        return asdict(self)


def fine(check: str, message: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, True, message)


def fault(check: str, message: str, fix: str) -> Finding:
    """Return a problem with its fix."""
    return Finding(check, False, message, fix)
