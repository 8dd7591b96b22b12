"""Until when an input image that no job names stays

Workers and servers of the version before leave the column out: the input images that they store stay.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Utc

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEX = "ix_assets_unused_until"
_SET = sa.text("unused_until IS NOT NULL")


def upgrade() -> None:
    op.add_column("assets", sa.Column("unused_until", Utc(), nullable=True))
    op.create_index(_INDEX, "assets", ["unused_until"], postgresql_where=_SET, sqlite_where=_SET)


def downgrade() -> None:
    op.drop_index(_INDEX, "assets")
    op.drop_column("assets", "unused_until")
