"""Files and batches of the OpenAI API

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Json, Utc

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_EXPIRING = sa.text("expires_at IS NOT NULL")
_OPEN = sa.text("status NOT IN ('completed', 'failed', 'expired', 'cancelled')")


def upgrade() -> None:
    op.add_column(
        "campaigns", sa.Column("surface", sa.Text(), nullable=False, server_default=sa.text("'rest'"))
    )
    op.create_table(
        "openai_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("failed_lines", sa.Boolean(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_openai_files_caller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openai_files")),
    )
    op.create_index("ix_openai_files_caller_id_created_at", "openai_files", ["caller_id", "created_at", "id"])
    op.create_index(
        "ix_openai_files_expires_at",
        "openai_files",
        ["expires_at"],
        postgresql_where=_EXPIRING,
        sqlite_where=_EXPIRING,
    )
    op.create_table(
        "openai_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("input_file_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("completion_window", sa.Text(), nullable=False),
        sa.Column("metadata", Json, nullable=True),
        sa.Column("inline_images", sa.Boolean(), nullable=False),
        sa.Column("output_expires_after", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("counts", Json, nullable=True),
        sa.Column("usage", Json, nullable=True),
        sa.Column("errors", Json, nullable=True),
        sa.Column("error_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("error_list_id", sa.Uuid(), nullable=True),
        sa.Column("output_file_id", sa.Uuid(), nullable=True),
        sa.Column("error_file_id", sa.Uuid(), nullable=True),
        sa.Column("partial_output_id", sa.Uuid(), nullable=False),
        sa.Column("partial_error_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=False),
        sa.Column("in_progress_at", Utc(), nullable=True),
        sa.Column("finalizing_at", Utc(), nullable=True),
        sa.Column("completed_at", Utc(), nullable=True),
        sa.Column("failed_at", Utc(), nullable=True),
        sa.Column("expired_at", Utc(), nullable=True),
        sa.Column("cancelling_at", Utc(), nullable=True),
        sa.Column("cancelled_at", Utc(), nullable=True),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_openai_batches_caller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openai_batches")),
    )
    op.create_index("ix_openai_batches_caller_id_id", "openai_batches", ["caller_id", "id"])
    op.create_index(
        "ix_openai_batches_open", "openai_batches", ["id"], postgresql_where=_OPEN, sqlite_where=_OPEN
    )


def downgrade() -> None:
    op.drop_table("openai_batches")
    op.drop_table("openai_files")
    op.drop_column("campaigns", "surface")
