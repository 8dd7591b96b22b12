"""Exports of campaigns

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_UNFINISHED = sa.text("status IN ('waiting', 'running')")
_EXPIRING = sa.text("expires_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("build", sa.Uuid(), nullable=True),
        sa.Column("builds", sa.SmallInteger(), nullable=False),
        sa.Column("claimed_until", Utc(), nullable=True),
        sa.Column("counts", Json, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("finished_at", Utc(), nullable=True),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_exports_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_exports_caller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index(
        "ix_exports_unfinished",
        "exports",
        ["created_at"],
        postgresql_where=_UNFINISHED,
        sqlite_where=_UNFINISHED,
    )
    op.create_index(
        "ix_exports_expires_at",
        "exports",
        ["expires_at"],
        postgresql_where=_EXPIRING,
        sqlite_where=_EXPIRING,
    )
    op.create_index("ix_exports_campaign_id", "exports", ["campaign_id"])


def downgrade() -> None:
    op.drop_table("exports")
