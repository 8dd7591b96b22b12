"""Months in UTC, and the ids that begin with their times."""

from datetime import UTC, datetime
from uuid import UUID

from models.ids import first_id


def month_of(moment: datetime) -> datetime:
    """Return the first moment of the month in UTC."""
    at = moment.astimezone(UTC)
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def later_month(month: datetime, count: int = 1) -> datetime:
    """Return the first moment of the month that is ``count`` months later."""
    years, index = divmod(month.month - 1 + count, 12)
    return datetime(month.year + years, index + 1, 1, tzinfo=UTC)


def time_of(key: UUID) -> datetime | None:
    """Return when a UUIDv7 was created, to the millisecond; ``None`` beyond Python's calendar."""
    try:
        return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def ids_of(month: datetime) -> tuple[UUID, UUID]:
    """Return the smallest id of a month, and that of the next one."""
    return first_id(month), first_id(later_month(month))
