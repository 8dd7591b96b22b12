"""Quiet hours: a daily span in which only the most serious alerts are told."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_WRITTEN = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})(?:\s+(\S+))?")
_EXAMPLE = "write such as 22:00-07:00 Europe/Berlin (without a zone: UTC)"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` to ``end`` in a time zone, over midnight if ``end`` is earlier."""

    start: time
    end: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str) -> "QuietHours":
        """Read ``22:00-07:00 Europe/Berlin``. Raises ``ValueError`` with the fix."""
        match = _WRITTEN.fullmatch(text.strip())
        if match is None:
            raise ValueError(_EXAMPLE)
        try:
            zone = ZoneInfo(match[5] or "UTC")
            start, end = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
        except (ValueError, ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(_EXAMPLE) from error
        return cls(start, end, zone)

    def hold(self, at: datetime) -> bool:
        """Return whether it is quiet at this time."""
        clock = at.astimezone(self.zone).time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end
