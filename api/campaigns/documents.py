"""Campaigns, items and takes as JSON."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.campaigns.costs import money_document
from api.campaigns.plan import estimate_time
from api.jobs.estimates import eta_view
from api.services import ApiServices
from models.campaigns.item_state import OPEN, ItemState
from models.campaigns.status import CampaignKind, CampaignStatus, PauseReason
from models.checks.findings import found_in
from models.ids import public_id
from models.money.money import amount_text
from models.queries.assets import list_assets
from models.queries.call_stats import count_by_campaign
from models.queries.campaigns.actions import Action
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.costs import costs_of_items
from models.queries.campaigns.counts import count_items
from models.queries.campaigns.items import takes_of
from models.queries.campaigns.picture_checks import pictures_of_takes
from models.queries.campaigns.verdicts import verdicts_of
from models.queries.campaigns.vision_checks import checks_of_takes
from models.queries.dashboard.combined_reads import Read, read_together
from models.queries.money.spend import sum_spend
from models.serializers import asset_view, moment

_WAITING = (CampaignStatus.RUNNING, CampaignStatus.CANARY, CampaignStatus.CHECKING)
_DEFINITION = (
    "model",
    "template",
    "defaults",
    "axes",
    "limits",
    "canary",
    "windows",
    "failing",
    "checks",
    "gate",
)


async def campaign_document(
    services: ApiServices, connection: AsyncConnection, campaign: Campaign
) -> dict[str, Any]:
    """Return a campaign as JSON, with its ETA."""
    [document] = await campaign_documents(services, connection, [campaign])
    left = sum(document["items"]["by_status"][state] for state in OPEN)
    if campaign.is_planned and document["status"] in _WAITING and left > 0:
        model = (campaign.spec or {}).get("model") or ""
        time = await estimate_time(services, connection, campaign, model, left)
        document["eta"] = eta_view(time, services.clock())
    return document


async def campaign_documents(
    services: ApiServices, connection: AsyncConnection, found: Sequence[Campaign]
) -> list[dict[str, Any]]:
    """Return campaigns as lists show them, by one statement for all; without ETA."""
    return (await campaign_documents_and(services, connection, found))[0]


async def campaign_documents_and(
    services: ApiServices, connection: AsyncConnection, found: Sequence[Campaign], *further: Read
) -> tuple[list[dict[str, Any]], Sequence[Any]]:
    """Return what ``campaign_documents`` does and what further reads return, by the same statement."""
    if not found:
        return [], [await read(connection) for read in further]
    at, names = services.clock(), sorted({campaign.name for campaign in found})
    callers = sorted({campaign.caller_id for campaign in found})
    counts, totals, in_progress, *others = await read_together(
        connection,
        partial(count_items, campaign_ids=[campaign.id for campaign in found]),
        partial(sum_spend, caller_ids=callers, campaigns=names),
        partial(count_by_campaign, caller_ids=callers, names=names),
        *further,
    )
    documents = []
    for campaign in found:
        status, paused = _status(campaign, at)
        documents.append(
            {
                "id": public_id("camp", campaign.id),
                "object": "campaign",
                "name": campaign.name,
                "kind": campaign.kind,
                "status": status,
                "paused": paused,
                "rows": campaign.row_count,
                "items": items_document(campaign, counts[campaign.id]),
                "jobs": in_progress[campaign.caller_id, campaign.name],
                "money": money_document(campaign, totals),
                "eta": None,
                "retry": campaign.retry or {},
                **_definition(campaign),
                "created_at": moment(campaign.created_at),
                "updated_at": moment(campaign.updated_at),
                "started_at": moment(campaign.started_at),
                "finished_at": moment(campaign.finished_at),
                "links": _links(services, campaign),
            }
        )
    return documents, others


def unnamed_document(
    services: ApiServices, name: str, retry: Mapping[str, Any], updated_at: datetime | None
) -> dict[str, Any]:
    """Return a campaign that has no id: only its jobs name it, or an older version wrote its settings."""
    jobs = f"{services.public_url}/v1/jobs?campaign={quote(name, safe='')}"
    return {
        "id": None,
        "object": "campaign",
        "name": name,
        "kind": CampaignKind.PLAIN.value,
        "status": CampaignStatus.RUNNING.value,
        "paused": None,
        "rows": 0,
        "items": {"total": 0, "by_status": {state.value: 0 for state in ItemState}},
        "jobs": {},
        "money": {"currency": None, "limit": None, "reserved": None, "settled": None, "unknown": None},
        "eta": None,
        "retry": dict(retry),
        "updated_at": moment(updated_at),
        "links": {"jobs": jobs},
    }


def _definition(campaign: Campaign) -> dict[str, Any]:
    spec = campaign.spec or {}
    return {
        **{member: spec.get(member) for member in _DEFINITION},
        "start_at": moment(campaign.start_at),
        "deadline": moment(campaign.deadline),
        "mapping": campaign.mapping,
    }


def _links(services: ApiServices, campaign: Campaign) -> dict[str, str]:
    own = f"{services.public_url}/v1/campaigns/{public_id('camp', campaign.id)}"
    jobs = f"{services.public_url}/v1/jobs?campaign={quote(campaign.name, safe='')}"
    return {
        "self": own,
        "plan": f"{own}/plan",
        "rows": f"{own}/rows",
        "items": f"{own}/items",
        "costs": f"{own}/costs",
        "jobs": jobs,
    }


def items_document(campaign: Campaign, counts: Mapping[ItemState, int]) -> dict[str, Any]:
    """Return the progress: items by state; those that no worker has made yet are waiting."""
    total = max(campaign.expected_items or 0, sum(counts.values()))
    by_status = {state.value: counts.get(state, 0) for state in ItemState}
    by_status[ItemState.WAITING] += total - sum(counts.values())
    return {"total": total, "by_status": by_status}


def _status(campaign: Campaign, at: datetime) -> tuple[str, dict[str, Any] | None]:
    """Return the status that is shown, and its pause: outside its windows a campaign is paused too."""
    if campaign.status == CampaignStatus.PAUSED:
        return campaign.status, {
            "reason": campaign.paused_reason,
            "detail": campaign.paused_detail,
            "by": campaign.paused_by,
            "at": moment(campaign.paused_at),
            "until": moment(campaign.paused_until),
        }
    if campaign.status in _WAITING and not campaign.opening.is_open(at):
        until = campaign.opens_at if campaign.opens_at and campaign.opens_at > at else None
        paused = {"reason": PauseReason.WINDOW.value, "detail": None, "by": None, "at": None}
        return CampaignStatus.PAUSED.value, {**paused, "until": moment(until)}
    return campaign.status, None


def action_document(campaign: Campaign, action: Action | Mapping[str, Any]) -> dict[str, Any]:
    """Return a bulk action as JSON: a stored one, or the columns of one that is only tried."""
    given = (
        action
        if isinstance(action, Mapping)
        else {each.name: getattr(action, each.name) for each in fields(action)}
    )
    return {
        "id": public_id("action", given["id"]) if given["id"] else None,
        "object": "action",
        "of": "items",
        "kind": given["kind"],
        "campaign": campaign.name,
        "campaign_id": public_id("camp", campaign.id),
        "status": given["status"],
        "dry_run": given["id"] is None,
        "parameters": given["parameters"],
        "filter": given["filter"],
        "by": given["by"],
        "eligible": given["eligible"],
        "done": given["done"] if given["id"] else 0,
        "failed": given.get("failed", 0),
        "pending": given["frozen"] - given.get("cursor", 0),
        "skipped": given["skipped"],
        "samples": given["samples"],
        "may_pay_twice": given["may_pay_twice"],
        "cost": given["cost"],
        "detail": given.get("detail"),
        "created_at": moment(given.get("created_at")),
        "updated_at": moment(given.get("updated_at")),
        "finished_at": moment(given.get("finished_at")),
        "undone_at": moment(given.get("undone_at")),
    }


def item_document(row: Row[Any]) -> dict[str, Any]:
    """Return an item as JSON."""
    return {
        "id": public_id("item", row.id),
        "object": "item",
        "key": row.key,
        "variant": row.variant,
        "status": row.state,
        "canary": row.canary,
        "takes": row.takes,
        "verdict": row.verdict,
        "error": row.error,
        "job": public_id("job", row.job_id) if row.job_id else None,
        "ended_at": moment(row.ended_at),
    }


async def items_document_page(
    services: ApiServices, connection: AsyncConnection, found: Sequence[Row[Any]]
) -> list[dict[str, Any]]:
    """Return items with the model and the pictures of their newest takes, and what was found in these."""
    pictures: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for asset in await pictures_of_takes(connection, [row.job_id for row in found if row.job_id]):
        pictures[asset.job_id].append(asset)
    costs = await costs_of_items(connection, [row.id for row in found])
    return [
        {
            **item_document(row),
            "model": row.model,
            "cost": _cost_document(costs.get(row.id)),
            "assets": [asset_view(each, public_url=services.public_url) for each in pictures[row.job_id]],
            "checks": sorted({check.value for each in pictures[row.job_id] for check in found_in(each)}),
        }
        for row in found
    ]


async def takes_document(
    services: ApiServices, connection: AsyncConnection, found: Sequence[Row[Any]]
) -> list[dict[str, Any]]:
    """Return items with all their takes and the assets of these."""
    takes = await takes_of(connection, [row.id for row in found])
    decided = await verdicts_of(connection, [row.id for row in found])
    assets = await list_assets(connection, [take.id for take in takes])
    checks = await checks_of_takes(connection, [take.id for take in takes])
    costs = await costs_of_items(connection, [row.id for row in found])
    return [
        {
            **item_document(row),
            "cost": _cost_document(costs.get(row.id)),
            "takes": [
                {
                    "job": public_id("job", take.id),
                    "take": take.take,
                    "reason": take.take_reason,
                    "parent": public_id("job", take.parent_job_id) if take.parent_job_id else None,
                    "status": take.status,
                    "model": take.model,
                    "prompt": take.prompt,
                    "error": take.error,
                    "created_at": moment(take.created_at),
                    "finished_at": moment(take.finished_at),
                    "assets": [
                        asset_view(asset, public_url=services.public_url)
                        for asset in assets
                        if asset.job_id == take.id
                    ],
                    "verdicts": [_verdict_document(each) for each in decided if each.job_id == take.id],
                    "gate": [_vision_document(each) for each in checks if each.take_job_id == take.id],
                }
                for take in takes
                if take.item_id == row.id
            ],
        }
        for row in found
    ]


def _cost_document(micros: Mapping[str, int] | None) -> dict[str, str]:
    """Return what all takes of an item have cost, by currency."""
    return {currency: amount_text(micro) for currency, micro in sorted((micros or {}).items())}


def _vision_document(row: Row[Any]) -> dict[str, Any]:
    """Return what a vision model was asked about a picture, and what it answered."""
    answers = row.answers or [{"answer": None, "reason": None}] * len(row.rules)
    return {
        "asset": public_id("asset", row.asset_id),
        "job": public_id("job", row.job_id),
        "passed": row.passed,
        "answers": [{"rule": rule, **each} for rule, each in zip(row.rules, answers, strict=False)],
        "decided_at": moment(row.decided_at),
    }


def _verdict_document(row: Row[Any]) -> dict[str, Any]:
    return {
        "verdict": row.verdict,
        "source": row.source,
        "by": row.by,
        "key": public_id("key", row.key_id) if row.key_id else None,
        "reason": row.reason,
        "action": public_id("action", row.action_id) if row.action_id else None,
        "at": moment(row.at),
        "undone_at": moment(row.undone_at),
    }
