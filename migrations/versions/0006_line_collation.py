"""Campaigns in the index of queued jobs by code points, whatever the collation of the database

Only on PostgreSQL: SQLite sorts text by code points. Workers of the version before find the segments of their
queries in the new index, and sort the campaigns of a segment themselves.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_index("coalesce(campaign, '') COLLATE \"C\"")


def downgrade() -> None:
    _make_index("coalesce(campaign, '')")


def _make_index(campaign: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_index("ix_jobs_line", "jobs")
    op.create_index(
        "ix_jobs_line",
        "jobs",
        ["model", "caller_id", "priority", sa.text(f"({campaign})"), "not_before", "id"],
        postgresql_where=sa.text("status = 'queued'"),
    )
