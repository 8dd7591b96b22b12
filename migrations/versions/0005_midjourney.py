"""The Midjourney surface: tasks, and the jobs that are their parts

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = sa.text("outcome IS NULL")


def upgrade() -> None:
    _create_tasks()
    op.create_table(
        "midjourney_parts",
        sa.Column("task_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["midjourney_tasks.id"],
            name=op.f("fk_midjourney_parts_task_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_midjourney_parts_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "position", name=op.f("pk_midjourney_parts")),
        sa.UniqueConstraint("job_id", name=op.f("uq_midjourney_parts_job_id")),
    )


def _create_tasks() -> None:
    op.create_table(
        "midjourney_tasks",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("bot", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("hash", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("request", Json, nullable=False),
        sa.Column("properties", Json, nullable=False),
        sa.Column("modal", Json, nullable=True),
        sa.Column("notify_hook", sa.Text(), nullable=True),
        sa.Column("told", sa.SmallInteger(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=True),
        sa.Column("pictures", Json, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("fail_reason", sa.Text(), nullable=True),
        sa.Column("submitted_at", Utc(), nullable=False),
        sa.Column("started_at", Utc(), nullable=True),
        sa.Column("finished_at", Utc(), nullable=True),
        sa.Column("claimed_until", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_midjourney_tasks_caller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_midjourney_tasks")),
    )
    op.create_index("ix_midjourney_tasks_caller_id_id", "midjourney_tasks", ["caller_id", "id"])
    op.create_index(
        "ix_midjourney_tasks_open",
        "midjourney_tasks",
        ["caller_id", "id"],
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )


def downgrade() -> None:
    op.drop_table("midjourney_parts")
    op.drop_table("midjourney_tasks")
