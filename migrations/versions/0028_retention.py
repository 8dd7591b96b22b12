"""Retention: rules of callers and campaigns, tombstones of what was deleted, files to be deleted

New tables and columns without a default: no table is rewritten. Processes of the version before delete jobs
without tombstones; the storage sweep deletes their files.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TOKEN = sa.text("token IS NOT NULL")


def upgrade() -> None:
    for table in ("callers", "campaigns"):
        op.add_column(table, sa.Column("retention", Json, nullable=True))
    op.create_table(
        "tombstones",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("deleted_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstones")),
    )
    op.create_index(
        "ix_tombstones_token", "tombstones", ["token"], postgresql_where=_TOKEN, sqlite_where=_TOKEN
    )
    op.create_index("ix_tombstones_caller_id", "tombstones", ["caller_id"])
    op.create_table(
        "file_deletions",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("due_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_file_deletions")),
    )
    op.create_index("ix_file_deletions_due_at", "file_deletions", ["due_at"])


def downgrade() -> None:
    op.drop_table("file_deletions")
    op.drop_table("tombstones")
    for table in ("campaigns", "callers"):
        op.drop_column(table, "retention")
