"""Workers that are asked to stop, and which of them can be

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Utc

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("takes_stop", sa.Boolean(), nullable=True))
    op.add_column("workers", sa.Column("stop_requested_at", Utc(), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "stop_requested_at")
    op.drop_column("workers", "takes_stop")
