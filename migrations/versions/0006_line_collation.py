"""An index of queued jobs with campaigns by code points, whatever the collation of the database

Only on PostgreSQL: SQLite sorts text by code points. ``ix_jobs_line`` stays, for workers of the version
before.

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
    if op.get_bind().dialect.name == "postgresql":
        campaign = sa.text("(coalesce(campaign, '') COLLATE \"C\")")
        op.create_index(
            "ix_jobs_campaign_line",
            "jobs",
            ["model", "caller_id", "priority", campaign, "not_before", "id"],
            postgresql_where=sa.text("status = 'queued'"),
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_jobs_campaign_line", "jobs")
