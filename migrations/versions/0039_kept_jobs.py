"""Jobs that a person keeps: retention deletes nothing of them

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_KEPT = sa.text("keep")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("keep", sa.Boolean(), nullable=True))
    if op.get_context().dialect.name != "postgresql":  # there, migrations.online_indexes builds it afterwards
        op.create_index("ix_jobs_kept", "jobs", ["id"], sqlite_where=_KEPT)


def downgrade() -> None:
    op.drop_index("ix_jobs_kept", "jobs", if_exists=True)
    op.drop_column("jobs", "keep")
