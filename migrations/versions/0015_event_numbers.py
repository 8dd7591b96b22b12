"""Number all events, so that a stream over many jobs can be resumed

Events from before have no number. On PostgreSQL a sequence numbers each event; on SQLite, where one process
at a time writes, a trigger does. Workers and servers of the version before need not know of it.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INDEX = "ix_events_seq"
_SET = sa.text("seq IS NOT NULL")
_TRIGGER = """
    CREATE TRIGGER events_number AFTER INSERT ON events FOR EACH ROW WHEN NEW.seq IS NULL BEGIN
        UPDATE events SET seq = (SELECT coalesce(max(seq), 0) + 1 FROM events WHERE seq IS NOT NULL)
        WHERE rowid = NEW.rowid;
    END
"""


def upgrade() -> None:
    op.add_column("events", sa.Column("seq", sa.BigInteger(), nullable=True))
    op.create_index(_INDEX, "events", ["seq"], postgresql_where=_SET, sqlite_where=_SET)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE events_seq OWNED BY events.seq")
        op.execute("ALTER TABLE events ALTER COLUMN seq SET DEFAULT nextval('events_seq')")
    else:
        op.execute(_TRIGGER)


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.execute("DROP TRIGGER events_number")
    op.drop_index(_INDEX, "events")
    op.drop_column("events", "seq")
