"""Items follow the deletion of their newest take: the take before it becomes the newest, or they are skipped

Revision ID: 0027
Revises: 0026
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_NAME = "jobs_item_deleted"
_CONDITION = "OLD.item_id IS NOT NULL"
# The item's own trigger derives its state from the take before; without one there is nothing to derive from.
_STATEMENTS = """UPDATE campaign_items SET verdict = NULL,
      job_id = (SELECT j.id FROM jobs AS j WHERE j.item_id = OLD.item_id AND j.id <> OLD.id
        ORDER BY j.take DESC LIMIT 1)
      WHERE id = OLD.item_id AND job_id = OLD.id;
    UPDATE campaign_items SET verdict = (SELECT nullif(v.verdict, 'none') FROM verdicts AS v
        WHERE v.item_id = campaign_items.id AND v.job_id = campaign_items.job_id AND v.undone_at IS NULL
        ORDER BY CASE v.source WHEN 'person' THEN 0 ELSE 1 END, v.id DESC LIMIT 1)
      WHERE id = OLD.item_id AND verdict IS NULL;
    UPDATE campaign_items SET state = 'skipped', error = 'take_deleted'
      WHERE id = OLD.item_id AND job_id IS NULL AND state <> 'failed';"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {_NAME} AFTER DELETE ON jobs FOR EACH ROW WHEN {_CONDITION} "
            f"BEGIN {_STATEMENTS} END"
        )
        return
    body = f"BEGIN {_STATEMENTS} RETURN NULL; END".replace("'", "''")
    op.execute(f"CREATE FUNCTION {_NAME}() RETURNS trigger LANGUAGE plpgsql AS '{body}'")
    op.execute(
        f"CREATE TRIGGER {_NAME} AFTER DELETE ON jobs FOR EACH ROW WHEN ({_CONDITION}) "
        f"EXECUTE FUNCTION {_NAME}()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {_NAME}")
        return
    op.execute(f"DROP TRIGGER {_NAME} ON jobs")
    op.execute(f"DROP FUNCTION {_NAME}()")
