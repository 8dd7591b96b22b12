"""What was found in stored pictures, their thumbnails, and how often an item was re-rolled for it

Processes of the version before leave the new columns out: their pictures are not examined. Pictures that are
stored already are not examined either.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_DUE = sa.text("check_due_at IS NOT NULL")


def _asset_columns() -> list[sa.Column[object]]:
    columns: list[sa.Column[object]] = [
        sa.Column("check_due_at", Utc(), nullable=True),
        sa.Column("check_tries", sa.SmallInteger(), nullable=True),
        sa.Column("checked_at", Utc(), nullable=True),
        sa.Column("check_problem", sa.Text(), nullable=True),
    ]
    for name in ("blank", "wrong_size", "wrong_ratio", "wrong_alpha", "c2pa", "xmp"):
        columns.append(sa.Column(name, sa.Boolean(), nullable=True))
    return [
        *columns,
        sa.Column("dhash", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_of", sa.Uuid(), nullable=True),
        sa.Column("near_duplicate_of", sa.Uuid(), nullable=True),
        sa.Column("thumbnails", Json, nullable=True),
    ]


def upgrade() -> None:
    for column in _asset_columns():
        op.add_column("assets", column)
    op.create_index(
        "ix_assets_check_due_at", "assets", ["check_due_at"], postgresql_where=_DUE, sqlite_where=_DUE
    )
    op.add_column(
        "campaign_items",
        sa.Column("check_rerolls", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_table(
        "picture_bands",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_picture_bands_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["assets.id"], name=op.f("fk_picture_bands_asset_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "band", "asset_id", name=op.f("pk_picture_bands")),
    )
    op.create_index("ix_picture_bands_asset_id", "picture_bands", ["asset_id"])


def downgrade() -> None:
    op.drop_table("picture_bands")
    op.drop_column("campaign_items", "check_rerolls")
    op.drop_index("ix_assets_check_due_at", "assets")
    for column in reversed(_asset_columns()):
        op.drop_column("assets", column.name)
