"""Index of the campaigns with limits or a weight of their own, which each dispatch round reads

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_LIMITED = sa.text("rpm IS NOT NULL OR concurrency IS NOT NULL OR weight <> 1")


def upgrade() -> None:
    op.create_index(
        "ix_campaigns_limited", "campaigns", ["caller_id"], postgresql_where=_LIMITED, sqlite_where=_LIMITED
    )


def downgrade() -> None:
    op.drop_index("ix_campaigns_limited", "campaigns")
