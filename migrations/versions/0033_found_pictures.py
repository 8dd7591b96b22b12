"""Indexes of pictures in which something is wrong, and of takes with a verdict

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_JUDGED = sa.text("verdict IS NOT NULL")
_FOUND = sa.text(
    "blank OR wrong_size OR wrong_ratio OR wrong_alpha OR duplicate_of IS NOT NULL "
    "OR near_duplicate_of IS NOT NULL OR check_problem IS NOT NULL"
)


def upgrade() -> None:
    op.create_index(
        "ix_campaign_items_judged",
        "campaign_items",
        ["job_id"],
        postgresql_where=_JUDGED,
        sqlite_where=_JUDGED,
    )
    op.create_index("ix_assets_found", "assets", ["job_id"], postgresql_where=_FOUND, sqlite_where=_FOUND)


def downgrade() -> None:
    op.drop_index("ix_assets_found", "assets")
    op.drop_index("ix_campaign_items_judged", "campaign_items")
