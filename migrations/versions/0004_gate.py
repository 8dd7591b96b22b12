"""Limits of callers and models, fair shares, learned limits, breakers, deadlines, retry policies

Every new column has a default of the database: workers and servers of the version before go on meanwhile.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_QUEUED = sa.text("status = 'queued'")
_EXPIRING = sa.text("status = 'queued' AND expires_at IS NOT NULL")


def _new_columns() -> dict[str, list[sa.Column]]:  # type: ignore[type-arg]  # of any type
    return {
        "callers": [
            sa.Column("rpm", sa.Float(), nullable=True),
            sa.Column("concurrency", sa.Integer(), nullable=True),
            sa.Column("max_queued", sa.Integer(), nullable=True),
            sa.Column("weight", sa.Float(), nullable=False, server_default=sa.text("1")),
            sa.Column("next_start_at", Utc(), nullable=True),
            sa.Column("deficit", sa.Float(), nullable=False, server_default=sa.text("0")),
            sa.Column("turn", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
            sa.Column("campaign_turn", sa.Text(), nullable=False, server_default=sa.text("''")),
            sa.Column("priority_turn", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        ],
        "channels": [
            sa.Column("tier", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
            sa.Column("weight", sa.Float(), nullable=False, server_default=sa.text("1")),
            sa.Column("limits", Json, nullable=False, server_default=sa.text("'{}'")),
            sa.Column("pace", Json, nullable=False, server_default=sa.text("'{}'")),
            sa.Column("learned", Json, nullable=True),
            sa.Column("breakers", Json, nullable=False, server_default=sa.text("'{}'")),
            sa.Column("draining_at", Utc(), nullable=True),
        ],
        "jobs": [
            sa.Column("expires_at", Utc(), nullable=True),
            sa.Column("avoid_channel_id", sa.Uuid(), nullable=True),
            sa.Column("retry", Json, nullable=True),
        ],
    }


def upgrade() -> None:
    for table, columns in _new_columns().items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "campaigns",
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("retry", Json, nullable=True),
        sa.Column("updated_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_campaigns_caller_id")),
        sa.PrimaryKeyConstraint("caller_id", "name", name=op.f("pk_campaigns")),
    )
    campaign = sa.text("coalesce(campaign, '')")
    line: list[str | sa.TextClause] = ["model", "caller_id", "priority", campaign, "not_before", "id"]
    op.create_index("ix_jobs_line", "jobs", line, postgresql_where=_QUEUED, sqlite_where=_QUEUED)
    op.drop_index("ix_jobs_due", "jobs")
    op.create_index(
        "ix_jobs_expires_at", "jobs", ["expires_at"], postgresql_where=_EXPIRING, sqlite_where=_EXPIRING
    )
    op.create_index("ix_attempts_channel_sent_at", "attempts", ["channel", "sent_at"])


def downgrade() -> None:
    op.drop_index("ix_attempts_channel_sent_at", "attempts")
    op.drop_index("ix_jobs_expires_at", "jobs")
    due = ["model", "caller_id", "priority", "not_before", "id"]
    op.create_index("ix_jobs_due", "jobs", due, postgresql_where=_QUEUED, sqlite_where=_QUEUED)
    op.drop_index("ix_jobs_line", "jobs")
    op.drop_table("campaigns")
    for table, columns in _new_columns().items():
        for column in columns:
            op.drop_column(table, column.name)
