"""What a call can be asked for again by, and where its raw answer is kept

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("handles", Json, nullable=True))
    op.add_column("attempts", sa.Column("raw_key", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "raw_key")
    op.drop_column("attempts", "handles")
