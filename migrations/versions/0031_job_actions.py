"""Bulk actions on jobs, with the jobs that they were begun for; named filters of lists

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_RUNNING = sa.text("status = 'running'")


def upgrade() -> None:
    op.create_table(
        "job_actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("may_pay_twice", sa.Boolean(), nullable=False),
        sa.Column("filter", Json, nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("eligible", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", Json, nullable=False),
        sa.Column("samples", Json, nullable=False),
        sa.Column("charged", sa.Integer(), nullable=False),
        sa.Column("cost", Json, nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", Utc(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc(), nullable=False),
        sa.Column("finished_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_job_actions_caller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_actions")),
    )
    op.create_index("ix_job_actions_caller_id_id", "job_actions", ["caller_id", "id"])
    op.create_index(
        "ix_job_actions_running",
        "job_actions",
        ["id"],
        postgresql_where=_RUNNING,
        sqlite_where=_RUNNING,
    )
    op.create_table(
        "job_action_jobs",
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["action_id"],
            ["job_actions.id"],
            name=op.f("fk_job_action_jobs_action_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("action_id", "position", name=op.f("pk_job_action_jobs")),
    )
    op.create_table(
        "saved_views",
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("updated_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_saved_views_caller_id")),
        sa.PrimaryKeyConstraint("caller_id", "page", "name", name=op.f("pk_saved_views")),
    )


def downgrade() -> None:
    op.drop_table("saved_views")
    op.drop_table("job_action_jobs")
    op.drop_table("job_actions")
