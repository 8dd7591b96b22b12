"""Retention rules of callers and campaigns, as their rows keep them."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import callers, campaigns


@dataclass(frozen=True, slots=True)
class OwnRules:
    """Rules of a caller or campaign: seconds, or ``keep``, by kind."""

    place: str  #: whose they are
    rules: Mapping[str, float | str]


async def list_rules(connection: AsyncConnection) -> list[OwnRules]:
    """Return the rules that differ from the settings'."""
    of_callers = select(callers.c.name, callers.c.retention).where(callers.c.retention.is_not(None))
    found = [OwnRules(f"caller {name}", _rules(own)) for name, own in await connection.execute(of_callers)]
    of_campaigns = (
        select(callers.c.name, campaigns.c.name, campaigns.c.retention)
        .join(callers, callers.c.id == campaigns.c.caller_id)
        .where(campaigns.c.retention.is_not(None))
    )
    for caller, campaign, own in await connection.execute(of_campaigns):
        found.append(OwnRules(f"campaign {campaign} of {caller}", _rules(own)))
    return [each for each in found if each.rules]


async def set_rules(
    connection: AsyncConnection,
    caller_id: UUID,
    campaign: str | None,
    changes: Mapping[str, float | str | None],
) -> OwnRules | None:
    """Change rules (``None`` removes one); return them, or ``None`` if there is no such campaign."""
    if campaign is None:
        table, own, place = callers, callers.c.id == caller_id, f"caller {caller_id}"
    else:
        here = campaigns.c
        table, own = campaigns, and_(here.caller_id == caller_id, here.name == campaign)
        place = f"campaign {campaign}"
    row = (await connection.execute(select(table.c.retention).where(own).with_for_update())).first()
    if row is None:
        return None
    rules = {**_rules(row.retention), **changes}
    ruled = {kind: value for kind, value in rules.items() if value is not None}
    await connection.execute(update(table).where(own).values(retention=ruled or None))
    return OwnRules(place, ruled)


def _rules(stored: object) -> dict[str, float | str]:
    return dict(stored) if isinstance(stored, Mapping) else {}
