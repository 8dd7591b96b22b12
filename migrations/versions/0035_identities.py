"""Keys of people who log in by OpenID Connect

A column without a default: no table is rewritten. Processes of the version before leave it out.

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("identity", sa.Text(), nullable=True))
    op.create_index("uq_api_keys_identity", "api_keys", ["identity"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_api_keys_identity", "api_keys")
    op.drop_column("api_keys", "identity")
