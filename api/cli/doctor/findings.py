"""What a check found."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``message`` says how it is; for a fault, ``fix`` says what to do."""

    check: str
    ok: bool
    message: str
    fix: str | None = None

    def value(self) -> dict[str, Any]:
        """Return it for scripts."""
        return asdict(self)


def fine(check: str, message: str) -> Finding:
    """Return a finding that needs nothing done."""
    return Finding(check, True, message)


def fault(check: str, message: str, fix: str) -> Finding:
    """Return a finding with its fix."""
    return Finding(check, False, message, fix)
