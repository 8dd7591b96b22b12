"""Why a call went to its channel

A column without a default: no table is rewritten. Processes of the version before leave it out.

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("routing", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "routing")
