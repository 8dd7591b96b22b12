"""Order of the messages of a Midjourney task without jobs

Processes of the version before leave the column out: what they write has no order but that of its time.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_WAITING = sa.text("status = 'pending' AND task_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("webhook_deliveries", sa.Column("task_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_webhook_deliveries_task_id",
        "webhook_deliveries",
        ["task_id", "revision"],
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_task_id", "webhook_deliveries")
    op.drop_column("webhook_deliveries", "task_id")
