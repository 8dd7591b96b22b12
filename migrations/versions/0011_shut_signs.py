"""First signs, in words alone, that a channel or a model on it is shut

The column has a default of the database: workers and servers of the version before go on meanwhile.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channels", sa.Column("shut_signs", Json, nullable=False, server_default=sa.text("'{}'")))


def downgrade() -> None:
    op.drop_column("channels", "shut_signs")
