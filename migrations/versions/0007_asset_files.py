"""Assets: the generation of their job, and whether their file is missing

Older workers and servers leave both columns out. An asset of a job that was never started again has no
generation: it belongs to the present one, and an explicit retry writes its number.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Utc

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MISSING = sa.text("missing_at IS NOT NULL")
#: The generation of an asset is that of the last call that was sent before it was stored.
_GENERATIONS = """
    UPDATE assets SET generation = coalesce(
        (SELECT max(attempts.generation) FROM attempts
         WHERE attempts.job_id = assets.job_id AND attempts.sent_at <= assets.created_at), 1)
    WHERE assets.job_id IN (SELECT id FROM jobs WHERE generation > 1)
"""


def upgrade() -> None:
    op.add_column("assets", sa.Column("generation", sa.SmallInteger(), nullable=True))
    op.add_column("assets", sa.Column("missing_at", Utc(), nullable=True))
    op.create_index("ix_assets_key", "assets", ["key"])
    op.create_index("ix_assets_missing", "assets", ["id"], postgresql_where=_MISSING, sqlite_where=_MISSING)
    op.execute(_GENERATIONS)


def downgrade() -> None:
    op.drop_index("ix_assets_missing", "assets")
    op.drop_index("ix_assets_key", "assets")
    op.drop_column("assets", "missing_at")
    op.drop_column("assets", "generation")
