"""Requests of the OpenAI API, for minutes

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Utc

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "openai_requests",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("seen_at", Utc(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_openai_requests")),
    )
    op.create_index("ix_openai_requests_caller_id_digest", "openai_requests", ["caller_id", "digest"])
    op.create_index("ix_openai_requests_created_at", "openai_requests", ["created_at"])


def downgrade() -> None:
    op.drop_table("openai_requests")
