"""Which channels each worker knows, with a fingerprint of their settings

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("channels", Json, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("workers") as batch:
        batch.drop_column("channels")
