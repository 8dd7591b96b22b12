"""Campaigns with rows and items; jobs as takes of items; items counted by state

Triggers derive the state of an item from its newest take and its verdict, and write each change to
``campaign_counts``: so states and counts stay right whichever version of a process writes the job.
New columns of ``campaigns`` and ``jobs`` may be left out: processes of the version before go on meanwhile.

Revision ID: 0012
Revises: 0011
"""

from typing import Any

import sqlalchemy as sa
import uuid_utils.compat
from alembic import op

from models.tables import Json, Utc

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_CLOSED = sa.text("closed IS NOT NULL OR opens_at IS NOT NULL OR closes_at IS NOT NULL")
_ACTIVE = sa.text("kind = 'planned' AND status NOT IN ('draft', 'finished')")
_UNSTARTED = sa.text("started_version < version")
_ENDED = sa.text("ended_at IS NOT NULL")
_TAKEN = sa.text("item_id IS NOT NULL")


def _filled(name: str, kind: sa.types.TypeEngine[Any], default: str) -> sa.Column[Any]:
    """Return a column that the version before may leave out."""
    return sa.Column(name, kind, nullable=False, server_default=sa.text(default))


def _campaign_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=True),
        _filled("kind", sa.Text(), "'plain'"),
        _filled("status", sa.Text(), "'running'"),
        sa.Column("spec", Json, nullable=True),
        sa.Column("mapping", Json, nullable=True),
        _filled("weight", sa.Float(), "1"),
        sa.Column("rpm", sa.Float(), nullable=True),
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.Column("next_start_at", Utc(), nullable=True),
        _filled("deficit", sa.Float(), "0"),
        sa.Column("start_at", Utc(), nullable=True),
        sa.Column("deadline", Utc(), nullable=True),
        sa.Column("budget_micro", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("closed", sa.Text(), nullable=True),
        sa.Column("opens_at", Utc(), nullable=True),
        sa.Column("closes_at", Utc(), nullable=True),
        sa.Column("paused_from", sa.Text(), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("paused_detail", sa.Text(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("paused_at", Utc(), nullable=True),
        sa.Column("paused_until", Utc(), nullable=True),
        sa.Column("failing_since", Utc(), nullable=True),
        _filled("row_count", sa.Integer(), "0"),
        sa.Column("expected_items", sa.Integer(), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("import_until", Utc(), nullable=True),
        sa.Column("created_at", Utc(), nullable=True),
        sa.Column("started_at", Utc(), nullable=True),
        sa.Column("finished_at", Utc(), nullable=True),
        _filled("revision", sa.Integer(), "1"),
    ]


def _job_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("take", sa.SmallInteger(), nullable=True),
        sa.Column("take_reason", sa.Text(), nullable=True),
        sa.Column("parent_job_id", sa.Uuid(), nullable=True),
    ]


def _state(job: str, verdict: str) -> str:
    return f"""CASE
      WHEN {job}.status IN ('queued', 'awaiting_input') THEN 'waiting'
      WHEN {job}.status IN ('leased', 'running', 'storing') THEN 'running'
      WHEN {job}.status = 'held' THEN 'held'
      WHEN {job}.status = 'cancelled' THEN 'skipped'
      WHEN {job}.status IN ('failed', 'expired') THEN 'failed'
      WHEN {verdict} = 'pick' THEN 'approved'
      WHEN {verdict} = 'reject' THEN 'rejected'
      ELSE 'made' END"""


def _follow(dialect: str, job: str, verdict: str) -> str:
    """Return the assignments that make an item follow its newest take."""
    if dialect == "postgresql":
        code = f"{job}.error ->> 'code'"
    else:
        code = f"CASE WHEN json_valid({job}.error) THEN json_extract({job}.error, '$.code') END"
    return f"""state = {_state(job, verdict)},
      error = CASE WHEN {job}.status IN ('failed', 'expired', 'held', 'cancelled') THEN {code} END,
      ended_at = CASE WHEN {job}.status IN ('succeeded', 'failed', 'expired', 'cancelled')
        THEN {job}.finished_at END"""


def _of_job(dialect: str) -> str:
    return f"""UPDATE campaign_items SET {_follow(dialect, "NEW", "campaign_items.verdict")}
      WHERE id = NEW.item_id AND job_id = NEW.id;"""


def _of_item(dialect: str) -> str:
    """Return the statement that derives an item's state anew: its take or its verdict is another."""
    source = _follow(dialect, "j", "campaign_items.verdict")
    return f"""UPDATE campaign_items SET {source} FROM jobs AS j
      WHERE campaign_items.id = NEW.id AND j.id = NEW.job_id;"""


_COUNT = "INSERT INTO campaign_counts (campaign_id, state, delta)"
_TAKE_OFF = f"{_COUNT} VALUES (OLD.campaign_id, OLD.state, -1);"
_ADD = f"{_COUNT} VALUES (NEW.campaign_id, NEW.state, 1);"
_JOB_CHANGED = "NEW.item_id IS NOT NULL AND NEW.status <> OLD.status"
_ITEM_CHANGED = """NEW.job_id IS NOT NULL AND (NEW.verdict IS DISTINCT FROM OLD.verdict
    OR NEW.job_id IS DISTINCT FROM OLD.job_id)"""
_STATE_CHANGED = "NEW.state <> OLD.state"


def _row_triggers(dialect: str) -> list[tuple[str, str, str, str, str]]:
    """Return (name, table, event, condition, statements) of the triggers for each row."""
    item_changed = _ITEM_CHANGED
    if dialect == "sqlite":
        item_changed = item_changed.replace("IS DISTINCT FROM", "IS NOT")
    triggers = [
        ("jobs_item_state", "jobs", "UPDATE OF status", _JOB_CHANGED, _of_job(dialect)),
        (
            "campaign_items_state",
            "campaign_items",
            "UPDATE OF verdict, job_id",
            item_changed,
            _of_item(dialect),
        ),
        ("campaign_items_recount", "campaign_items", "UPDATE", _STATE_CHANGED, f"{_TAKE_OFF} {_ADD}"),
    ]
    if dialect == "sqlite":
        triggers += [
            ("campaign_items_count", "campaign_items", "INSERT", "true", _ADD),
            ("campaign_items_discount", "campaign_items", "DELETE", "true", _TAKE_OFF),
        ]
    return triggers


#: On PostgreSQL thousands of items are counted by one row: (name, event, alias of the rows, sign).
_SET_TRIGGERS = (
    ("campaign_items_count", "INSERT", "NEW", ""),
    ("campaign_items_discount", "DELETE", "OLD", "-"),
)


def _create_triggers(dialect: str) -> None:
    for name, table, event, condition, statements in _row_triggers(dialect):
        if dialect == "sqlite":
            op.execute(
                f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW WHEN {condition} "
                f"BEGIN {statements} END"
            )
            continue
        _function(name, statements)
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW WHEN ({condition}) "
            f"EXECUTE FUNCTION {name}()"
        )
    if dialect == "sqlite":
        return
    for name, event, rows, sign in _SET_TRIGGERS:
        _function(name, f"{_COUNT} SELECT campaign_id, state, {sign}count(*) FROM rows GROUP BY 1, 2;")
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON campaign_items REFERENCING {rows} TABLE AS rows "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def _function(name: str, statements: str) -> None:
    body = f"BEGIN {statements} RETURN NULL; END".replace("'", "''")
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS '{body}'")


def _drop_triggers(dialect: str) -> None:
    names = [(name, table) for name, table, *_ in _row_triggers(dialect)]
    if dialect == "postgresql":
        names += [(name, "campaign_items") for name, *_ in _SET_TRIGGERS]
    for name, table in names:
        if dialect == "postgresql":
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
        else:
            op.execute(f"DROP TRIGGER {name}")


def upgrade() -> None:
    for column in _campaign_columns():
        op.add_column("campaigns", column)
    _name_campaigns()
    op.create_index("ix_campaigns_id", "campaigns", ["id"], unique=True)
    op.create_index(
        "ix_campaigns_closed", "campaigns", ["caller_id"], postgresql_where=_CLOSED, sqlite_where=_CLOSED
    )
    op.create_index(
        "ix_campaigns_active", "campaigns", ["status"], postgresql_where=_ACTIVE, sqlite_where=_ACTIVE
    )
    _create_rows()
    _create_items()
    op.create_table(
        "campaign_counts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_counts")),
    )
    op.create_index("ix_campaign_counts_campaign_id", "campaign_counts", ["campaign_id"])
    for column in _job_columns():
        op.add_column("jobs", column)
    op.create_index(
        "ix_jobs_item_id_take",
        "jobs",
        ["item_id", "take"],
        unique=True,
        postgresql_where=_TAKEN,
        sqlite_where=_TAKEN,
    )
    _create_triggers(op.get_bind().dialect.name)


def _name_campaigns() -> None:
    """Give each campaign that has settings an id."""
    campaigns = sa.table(
        "campaigns",
        sa.column("caller_id", sa.Uuid()),
        sa.column("name", sa.Text()),
        sa.column("id", sa.Uuid()),
        sa.column("created_at", Utc()),
        sa.column("updated_at", Utc()),
    )
    connection = op.get_bind()
    for caller_id, name in connection.execute(sa.select(campaigns.c.caller_id, campaigns.c.name)).all():
        here = campaigns.c.caller_id == caller_id, campaigns.c.name == name
        connection.execute(
            sa.update(campaigns)
            .where(*here)
            .values(id=uuid_utils.compat.uuid7(), created_at=campaigns.c.updated_at)
        )


def _create_rows() -> None:
    op.create_table(
        "campaign_rows",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("variables", Json, nullable=False),
        sa.Column("overrides", Json, nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _filled("started_version", sa.Integer(), "0"),
        _filled("started_variants", sa.Integer(), "0"),
        sa.Column("missing_since", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_campaign_rows_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", "key", name=op.f("pk_campaign_rows")),
    )
    op.create_index(
        "ix_campaign_rows_campaign_id_position", "campaign_rows", ["campaign_id", "position"], unique=True
    )
    op.create_index(
        "ix_campaign_rows_unstarted",
        "campaign_rows",
        ["campaign_id", "position"],
        postgresql_where=_UNSTARTED,
        sqlite_where=_UNSTARTED,
    )


def _create_items() -> None:
    op.create_table(
        "campaign_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("canary", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("takes", sa.SmallInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_campaign_items_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_items")),
        sa.UniqueConstraint(
            "campaign_id", "key", "variant", name=op.f("uq_campaign_items_campaign_id_key_variant")
        ),
    )
    op.create_index("ix_campaign_items_campaign_id_position", "campaign_items", ["campaign_id", "position"])
    op.create_index(
        "ix_campaign_items_campaign_id_state_position",
        "campaign_items",
        ["campaign_id", "state", "position"],
    )
    op.create_index(
        "ix_campaign_items_ended",
        "campaign_items",
        ["campaign_id", "ended_at"],
        postgresql_where=_ENDED,
        sqlite_where=_ENDED,
    )


def downgrade() -> None:
    _drop_triggers(op.get_bind().dialect.name)
    op.drop_index("ix_jobs_item_id_take", "jobs")
    for column in reversed(_job_columns()):
        op.drop_column("jobs", column.name)
    for table in ("campaign_counts", "campaign_items", "campaign_rows"):
        op.drop_table(table)
    for index in ("ix_campaigns_active", "ix_campaigns_closed", "ix_campaigns_id"):
        op.drop_index(index, "campaigns")
    for column in reversed(_campaign_columns()):
        op.drop_column("campaigns", column.name)
