"""Bulk actions on the items of campaigns, verdicts, and who reviews an item

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_RUNNING = sa.text("status = 'running'")


def upgrade() -> None:
    _create_actions()
    _create_verdicts()


def _create_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("parameters", Json, nullable=False),
        sa.Column("filter", Json, nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("eligible", sa.Integer(), nullable=False),
        sa.Column("frozen", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", Json, nullable=False),
        sa.Column("samples", Json, nullable=False),
        sa.Column("may_pay_twice", sa.Integer(), nullable=False),
        sa.Column("cost", Json, nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", Utc(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc(), nullable=False),
        sa.Column("finished_at", Utc(), nullable=True),
        sa.Column("undone_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_actions_caller_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_actions_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_index("ix_actions_caller_id_id", "actions", ["caller_id", "id"])
    op.create_index("ix_actions_campaign_id_id", "actions", ["campaign_id", "id"])
    op.create_index(
        "ix_actions_running", "actions", ["campaign_id"], postgresql_where=_RUNNING, sqlite_where=_RUNNING
    )
    op.create_table(
        "action_items",
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("take", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["action_id"], ["actions.id"], name=op.f("fk_action_items_action_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("action_id", "position", name=op.f("pk_action_items")),
    )


def _create_verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=True),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("undone_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_verdicts_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdicts")),
    )
    op.create_index("ix_verdicts_item_id_job_id", "verdicts", ["item_id", "job_id"])
    op.create_index("ix_verdicts_action_id", "verdicts", ["action_id"])
    op.create_index("ix_verdicts_campaign_id", "verdicts", ["campaign_id"])
    op.create_table(
        "review_claims",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("reviewer", sa.Uuid(), nullable=False),
        sa.Column("until", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["campaign_items.id"], name=op.f("fk_review_claims_item_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_review_claims")),
    )


def downgrade() -> None:
    for table in ("review_claims", "verdicts", "action_items", "actions"):
        op.drop_table(table)
