"""The tables of the Midjourney surface: tasks, and the jobs that are their parts."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, SmallInteger, Table, Text, Uuid, text

from models.columns import Json, Utc
from models.tables import metadata

_OPEN = text("outcome IS NULL")

midjourney_tasks = Table(
    "midjourney_tasks",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # what clients see: at most 16 digits
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("action", Text, nullable=False),
    Column("prompt", Text),
    Column("description", Text, nullable=False),
    Column("state", Text),  # the client's own, given back as it is
    Column("bot", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("hash", Uuid, nullable=False),  # stands in the customIds of its buttons
    Column("parent_id", BigInteger),
    Column("request", Json, nullable=False),  # what its jobs were asked for: follow-up tasks begin there
    Column("properties", Json, nullable=False),  # shown to clients beside the usual ones
    Column("modal", Json),  # what a dialog asks for; none: it waits for nothing
    Column("notify_hook", Text),
    Column("told", SmallInteger, nullable=False),  # how far the hook was told of
    Column("asset_id", Uuid),  # what it shows: the grid, or its one picture
    Column("pictures", Json, nullable=False),  # asset ids by number, once it has ended
    Column("outcome", Text),  # SUCCESS, FAILURE or CANCEL; none: its jobs tell where it stands
    Column("cancelled", Boolean, nullable=False),  # by its caller, whatever the outcome is called
    Column("fail_reason", Text),
    Column("submitted_at", Utc, nullable=False),
    Column("started_at", Utc),
    Column("finished_at", Utc),
    Column("claimed_until", Utc),  # a worker puts its pictures together
    Index("ix_midjourney_tasks_caller_id_id", "caller_id", "id"),
    # tasks under way, of one caller and of all
    Index(
        "ix_midjourney_tasks_open",
        "caller_id",
        "id",
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    ),
)

midjourney_parts = Table(
    "midjourney_parts",
    metadata,
    Column(
        "task_id",
        BigInteger,
        ForeignKey("midjourney_tasks.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, unique=True),
)
