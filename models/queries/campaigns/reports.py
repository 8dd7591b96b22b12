"""Reports on the takes of a campaign: failures grouped by their error, and results by model."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, ScalarSelect, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_state import ItemState
from models.states import JobStatus
from models.tables import campaign_items as items
from models.tables import channels, jobs, verdicts

_MOST_GROUPS = 5_000  # of failures with the same words, before their words are normalised
_FAILED = (ItemState.FAILED.value, ItemState.HELD.value)


async def list_failures(connection: AsyncConnection, campaign_id: UUID) -> Sequence[Row[Any]]:
    """Return the failed and held items, grouped by all that their errors say, the most frequent first."""
    message = jobs.c.error["message"].as_string()
    outcome = jobs.c.error["outcome"].as_string()
    groups = (items.c.state, channels.c.name, jobs.c.model, items.c.error, outcome, message)
    named = ("state", "channel", "model", "code", "outcome", "message")
    query: Select[Any] = (
        select(
            *(each.label(name) for each, name in zip(groups, named, strict=True)),
            func.count().label("number"),
            func.min(func.coalesce(items.c.ended_at, jobs.c.updated_at)).label("first"),
            func.max(func.coalesce(items.c.ended_at, jobs.c.updated_at)).label("last"),
            func.min(items.c.key).label("sample"),
        )
        .select_from(
            items.outerjoin(jobs, jobs.c.id == items.c.job_id).outerjoin(
                channels, channels.c.id == jobs.c.channel_id
            )
        )
        .where(items.c.campaign_id == campaign_id, items.c.state.in_(_FAILED))
        .group_by(*groups)
        .order_by(func.count().desc())
        .limit(_MOST_GROUPS)
    )
    found: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return found


def verdict_of_take() -> ScalarSelect[Any]:
    """Return the verdict in force for a take, as SQL: the latest of a person, else of a machine."""
    person_first = case((verdicts.c.source == "person", 0), else_=1)
    return (
        select(verdicts.c.verdict)
        .where(
            verdicts.c.item_id == jobs.c.item_id,
            verdicts.c.job_id == jobs.c.id,
            verdicts.c.undone_at.is_(None),
        )
        .order_by(person_first, verdicts.c.id.desc())
        .limit(1)
        .correlate(jobs)
        .scalar_subquery()
    )


def pictured_by_all(campaign_id: UUID, models: Sequence[str]) -> Select[Any]:
    """Return the items of a campaign that have a picture of each of these models, as SQL."""
    return (
        select(jobs.c.item_id)
        .select_from(jobs.join(items, items.c.id == jobs.c.item_id))
        .where(
            items.c.campaign_id == campaign_id,
            jobs.c.status == JobStatus.SUCCEEDED.value,
            jobs.c.model.in_(models),
        )
        .group_by(jobs.c.item_id)
        .having(func.count(jobs.c.model.distinct()) == len(set(models)))
    )


async def results_by_model(
    connection: AsyncConnection, campaign_id: UUID, *, same_items: Sequence[str]
) -> Sequence[Row[Any]]:
    """Return takes by model, status and the verdict in force for each take.

    ``same_items``: models; only their takes of items count that have a picture of each of them.
    """
    verdict = verdict_of_take()
    takes: Select[Any] = (
        select(jobs.c.model, jobs.c.status, verdict.label("verdict"))
        .select_from(jobs.join(items, items.c.id == jobs.c.item_id))
        .where(items.c.campaign_id == campaign_id)
    )
    if same_items:
        pictured = pictured_by_all(campaign_id, same_items)
        takes = takes.where(jobs.c.model.in_(same_items), jobs.c.item_id.in_(pictured))
    each = takes.subquery("takes").c
    query: Select[Any] = select(each.model, each.status, each.verdict, func.count().label("number"))
    query = query.group_by(each.model, each.status, each.verdict).order_by(each.model)
    found: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return found
