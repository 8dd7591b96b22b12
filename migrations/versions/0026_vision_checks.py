"""Questions of campaigns about their pictures, each asked of a vision model by a text job

Processes of the version before make no such jobs; those that they find they call like any other text job.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_UNDECIDED = sa.text("decided_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "vision_checks",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("take_job_id", sa.Uuid(), nullable=False),
        sa.Column("rules", Json, nullable=False),
        sa.Column("answers", Json, nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("decided_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_vision_checks_job_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["assets.id"], name=op.f("fk_vision_checks_asset_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_vision_checks_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_vision_checks")),
        sa.UniqueConstraint("asset_id", name=op.f("uq_vision_checks_asset_id")),
    )
    op.create_index("ix_vision_checks_take_job_id", "vision_checks", ["take_job_id"])
    op.create_index("ix_vision_checks_campaign_id", "vision_checks", ["campaign_id"])
    op.create_index(
        "ix_vision_checks_undecided",
        "vision_checks",
        ["campaign_id"],
        postgresql_where=_UNDECIDED,
        sqlite_where=_UNDECIDED,
    )


def downgrade() -> None:
    op.drop_table("vision_checks")
