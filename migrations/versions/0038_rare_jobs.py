"""Indexes by which rare jobs are listed: by check, verdict, tag, and model of succeeded ones

Revision ID: 0038
Revises: 0037
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.online_indexes import REVISIONS

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_JUDGED = sa.text("verdict IS NOT NULL")
_SUCCEEDED = sa.text("status = 'succeeded'")
_FOUND = sa.text(
    "blank OR wrong_size OR wrong_ratio OR wrong_alpha OR duplicate_of IS NOT NULL "
    "OR near_duplicate_of IS NOT NULL OR check_problem IS NOT NULL"
)
_FLAGS = ("blank", "wrong_size", "wrong_ratio", "wrong_alpha", "c2pa", "xmp")
_VALUES = ("duplicate_of", "near_duplicate_of", "check_problem")


def upgrade() -> None:
    for name in (*_FLAGS, *_VALUES):
        found = sa.text(name if name in _FLAGS else f"{name} IS NOT NULL")
        _create(f"ix_assets_{name}", "assets", ["job_id", "caller_id"], found)
    op.drop_index("ix_assets_found", "assets")
    _create("ix_campaign_items_verdict", "campaign_items", ["verdict", "job_id"], _JUDGED)
    op.drop_index("ix_campaign_items_judged", "campaign_items")
    _create("ix_jobs_succeeded", "jobs", ["caller_id", "model", "id"], _SUCCEEDED)
    gin = {"postgresql_using": "gin", "postgresql_ops": {"tags": "jsonb_path_ops"}}
    _create("ix_jobs_tags", "jobs", ["tags"], sa.text("tags <> '[]'"), **gin)


def downgrade() -> None:
    op.drop_index("ix_jobs_tags", "jobs", if_exists=True)
    op.drop_index("ix_jobs_succeeded", "jobs", if_exists=True)
    _create("ix_campaign_items_judged", "campaign_items", ["job_id"], _JUDGED)
    op.drop_index("ix_campaign_items_verdict", "campaign_items", if_exists=True)
    _create("ix_assets_found", "assets", ["job_id"], _FOUND)
    for name in (*_FLAGS, *_VALUES):
        op.drop_index(f"ix_assets_{name}", "assets", if_exists=True)


def _create(name: str, table: str, columns: list[str], where: sa.TextClause, **kind: Any) -> None:
    """Create an index; on PostgreSQL, ``migrations.online_indexes`` builds the new ones afterwards."""
    if name not in REVISIONS or op.get_context().dialect.name != "postgresql":
        op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where, **kind)
