"""Cost of each attempt, budgets of callers, and spend by caller, campaign and currency

Triggers write each change of an attempt's reservation or cost to ``spend``, in the same transaction, as
differences: a sum is the total, and no writer waits for another. Attempts without a price write none.
Processes of the version before leave the new columns out: their calls have no cost.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from models.tables import Utc

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_WAITS = sa.text("budget_wait_until IS NOT NULL")


def _attempt_columns() -> list[sa.Column[int] | sa.Column[str]]:
    return [
        sa.Column("reserved_micro", sa.BigInteger(), nullable=True),
        sa.Column("cost_micro", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("cost_source", sa.Text(), nullable=True),
        sa.Column("price_version", sa.Text(), nullable=True),
    ]


def _parts(row: str, sign: str = "") -> list[str]:
    """Return what an attempt adds to, or takes from, the reserved, settled and unknown amounts."""
    reserved, open_ = f"coalesce({row}.reserved_micro, 0)", f"{row}.cost_micro IS NULL AND {row}.finished_at"
    return [
        f"{sign}(CASE WHEN {open_} IS NULL THEN {reserved} ELSE 0 END)",
        f"{sign}coalesce({row}.cost_micro, 0)",
        f"{sign}(CASE WHEN {open_} IS NOT NULL THEN {reserved} ELSE 0 END)",
    ]


_INSERT = "INSERT INTO spend (caller_id, campaign, currency, reserved, settled, unknown)"


def _write(row: str, sign: str = "") -> str:
    amounts = ", ".join(_parts(row, sign))
    return f"""{_INSERT} SELECT j.caller_id, coalesce(j.campaign, ''), {row}.currency, {amounts}
      FROM jobs AS j WHERE j.id = {row}.job_id AND {row}.currency IS NOT NULL;"""


def _change() -> str:
    """Return the statement that writes the difference; two rows if the currency has changed."""
    names = ("reserved", "settled", "unknown")
    new = ", ".join(f"{part} AS {name}" for part, name in zip(_parts("NEW"), names, strict=True))
    changes = f"""SELECT NEW.currency AS currency, {new}
      UNION ALL SELECT OLD.currency, {", ".join(_parts("OLD", "-"))}"""
    return f"""{_INSERT} SELECT j.caller_id, coalesce(j.campaign, ''), d.currency,
        sum(d.reserved), sum(d.settled), sum(d.unknown)
      FROM ({changes}) AS d JOIN jobs AS j ON j.id = NEW.job_id WHERE d.currency IS NOT NULL
      GROUP BY j.caller_id, coalesce(j.campaign, ''), d.currency
      HAVING sum(d.reserved) <> 0 OR sum(d.settled) <> 0 OR sum(d.unknown) <> 0;"""


def _triggers() -> list[tuple[str, str, str, str]]:
    """Return (name, event, condition, statement)."""
    either = " OR ".join(
        f"{row}.{column} IS NOT NULL" for row in ("OLD", "NEW") for column in ("reserved_micro", "cost_micro")
    )
    never_sent = "OLD.reserved_micro IS NOT NULL AND OLD.finished_at IS NULL"
    return [
        ("attempts_spend_new", "INSERT", "NEW.reserved_micro IS NOT NULL", _write("NEW")),
        (
            "attempts_spend_changed",
            "UPDATE OF reserved_micro, cost_micro, currency, finished_at",
            either,
            _change(),
        ),
        # of a call that was not sent; what the calls of a deleted job have cost stays
        ("attempts_spend_unsent", "DELETE", never_sent, _write("OLD", "-")),
    ]


def upgrade() -> None:
    for column in _attempt_columns():
        op.add_column("attempts", column)
    op.add_column("callers", sa.Column("budget_micro", sa.BigInteger(), nullable=True))
    op.add_column("callers", sa.Column("budget_currency", sa.Text(), nullable=True))
    op.add_column("callers", sa.Column("budget_closed_at", Utc(), nullable=True))
    op.add_column("callers", sa.Column("budget_closed_until", Utc(), nullable=True))
    op.add_column("callers", sa.Column("budget_closed_detail", sa.Text(), nullable=True))
    op.add_column("campaigns", sa.Column("budget_wait_until", Utc(), nullable=True))
    op.create_index(
        "ix_campaigns_budget_wait", "campaigns", ["caller_id"], postgresql_where=_WAITS, sqlite_where=_WAITS
    )
    op.create_table(
        "spend",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("unknown", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend")),
    )
    op.create_index("ix_spend_caller_id_campaign_currency", "spend", ["caller_id", "campaign", "currency"])
    for name, event, condition, statement in _triggers():
        if op.get_bind().dialect.name == "sqlite":
            op.execute(
                f"CREATE TRIGGER {name} AFTER {event} ON attempts FOR EACH ROW WHEN {condition} "
                f"BEGIN {statement} END"
            )
            continue
        body = f"BEGIN {statement} RETURN NULL; END".replace("'", "''")
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS '{body}'")
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON attempts FOR EACH ROW WHEN ({condition}) "
            f"EXECUTE FUNCTION {name}()"
        )


def downgrade() -> None:
    for name, *_ in _triggers():
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP TRIGGER {name} ON attempts")
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("spend")
    op.drop_index("ix_campaigns_budget_wait", "campaigns")
    op.drop_column("campaigns", "budget_wait_until")
    for name in (
        *("budget_closed_detail", "budget_closed_until", "budget_closed_at"),
        *("budget_currency", "budget_micro"),
    ):
        op.drop_column("callers", name)
    for column in reversed(_attempt_columns()):
        op.drop_column("attempts", column.name)
