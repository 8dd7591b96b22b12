"""Who paused a channel, and until when

Columns without a default: no table is rewritten. Processes of the version before leave them as they are;
workers of that version do not end a pause by themselves.

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Utc

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channels", sa.Column("paused_by", sa.Text(), nullable=True))
    op.add_column("channels", sa.Column("paused_until", Utc(), nullable=True))


def downgrade() -> None:
    op.drop_column("channels", "paused_until")
    op.drop_column("channels", "paused_by")
