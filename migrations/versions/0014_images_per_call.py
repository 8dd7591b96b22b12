"""Images that one call of a channel asks for, by which its limit of images per minute counts calls

Workers and servers of the version before leave the column empty: each call counts for all images of its job.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channels", sa.Column("images_per_call", sa.SmallInteger()))


def downgrade() -> None:
    op.drop_column("channels", "images_per_call")
