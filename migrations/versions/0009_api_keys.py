"""Callers own jobs and have several keys: a table of keys, filled with the present key of each caller

The columns of ``callers`` that describe its key stay. Processes of the version before go on reading them,
and triggers copy what they write to ``api_keys``: a caller that they insert, and a key that they revoke.
A caller's first key has the caller's own id.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Utc

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COLUMNS = "id, caller_id, name, key_hash, key_hint, role, created_at, revoked_at"


def _first_key(row: str) -> str:
    """Return the values of a caller's first key, from a row of ``callers``."""
    role = f"CASE WHEN {row}.admin THEN 'admin' ELSE 'user' END"
    return (
        f"{row}.id, {row}.id, {row}.name, {row}.key_hash, {row}.key_hint, {role}, "
        f"{row}.created_at, {row}.revoked_at"
    )


_INSERT = f"INSERT INTO api_keys ({_COLUMNS}) VALUES ({_first_key('NEW')}) ON CONFLICT DO NOTHING;"
_REVOKE = "UPDATE api_keys SET revoked_at = NEW.revoked_at WHERE id = NEW.id;"
_TRIGGERS = (
    ("callers_insert_key", "AFTER INSERT ON callers", _INSERT),
    ("callers_revoke_key", "AFTER UPDATE OF revoked_at ON callers", _REVOKE),
)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_hint", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=True),
        sa.Column("last_used_at", Utc(), nullable=True),
        sa.Column("revoked_at", Utc(), nullable=True),
        sa.Column("removed_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["caller_id"], ["callers.id"], name=op.f("fk_api_keys_caller_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_index("ix_api_keys_caller_id", "api_keys", ["caller_id"])
    for name, event, statement in _TRIGGERS:
        if op.get_bind().dialect.name == "postgresql":
            body = f"BEGIN {statement} RETURN NULL; END"
            op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS '{_quoted(body)}'")
            op.execute(f"CREATE TRIGGER {name} {event} FOR EACH ROW EXECUTE FUNCTION {name}()")
        else:
            op.execute(f"CREATE TRIGGER {name} {event} FOR EACH ROW BEGIN {statement} END")
    op.execute(f"INSERT INTO api_keys ({_COLUMNS}) SELECT {_first_key('callers')} FROM callers")


def downgrade() -> None:
    for name, _, _ in _TRIGGERS:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {name} ON callers")
            op.execute(f"DROP FUNCTION {name}()")
        else:
            op.execute(f"DROP TRIGGER {name}")
    op.drop_table("api_keys")


def _quoted(body: str) -> str:
    return body.replace("'", "''")
