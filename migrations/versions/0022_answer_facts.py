"""What a provider says about its answer, by attempt

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("answer_facts", Json, nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "answer_facts")
