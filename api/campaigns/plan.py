"""Plan of a campaign: its items, all errors at once, sampled requests, and what it may cost and take."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.campaigns.control import item_count, spec_of, variants_of
from api.campaigns.costs import PlannedCost, amount, estimate_cost, vision_cost
from api.jobs.estimates import eta_view
from api.services import ApiServices
from models.campaigns.item_request import RenderedItem, render_item
from models.campaigns.row import RowContent
from models.campaigns.spec import CampaignSpec
from models.campaigns.template import TemplateError
from models.campaigns.variants import Variants, variant_name
from models.queries.campaigns import rows
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.rows import StoredRow
from models.queue_status import QueuedJob
from worker.campaigns.start_items import ONLY_ROW
from worker.scheduler.eta import Eta, eta_of
from worker.scheduler.queue_position import QueuePosition
from worker.scheduler.wait_reason import SchedulerView

_PAGE = 1_000  # rows
_MOST_ERRORS = 200  # that are listed; all are counted
_MOST_MODELS = 50
SAMPLES = 5


@dataclass(slots=True)
class _Scan:
    """What was found in the rows."""

    errors: list[dict[str, Any]] = field(default_factory=list)
    error_count: int = 0
    pictures: int = 0
    models: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[str, RenderedItem]] = field(default_factory=list)


async def make_plan(services: ApiServices, campaign: Campaign) -> dict[str, Any]:
    """Return the plan of a campaign as JSON; ``start`` wants its number of items."""
    spec = spec_of(campaign)
    variants = variants_of(services, spec)
    count = item_count(campaign, spec, variants)
    scan = await _scan(services, campaign, spec, variants)
    async with services.database.reading() as connection:
        model = next(iter(scan.models), spec.model or "")
        samples = [item for _, item in scan.samples]
        cost, calls = await estimate_cost(services, samples, items=count), count
        if spec.vision is not None:
            calls += scan.pictures
            cost = cost.plus(await vision_cost(services, spec.vision, pictures=scan.pictures))
            scan.models.setdefault(spec.vision.model, 0)
        eta = await estimate_time(services, connection, campaign, model, count) if count else None
        warnings = await _warnings(services, connection, campaign, spec, scan, count)
        warnings += _budget_warnings(spec, cost)
    at = services.clock()
    return {
        "object": "plan",
        "campaign": campaign.name,
        "rows": campaign.row_count,
        "items": count,
        "formula": variants.formula(max(campaign.row_count, 1 if spec.axes else 0)),
        "error_count": scan.error_count,
        "errors": scan.errors,
        "warnings": warnings,
        "samples": [
            {"key": name, "prompt": item.prompt, "images": list(item.images), "model": item.model}
            for name, item in scan.samples
        ],
        "pictures": scan.pictures,
        "calls": calls,
        "cost": cost.to_json(),
        "time": eta_view(eta or Eta(None, None, "no_items"), at),
    }


async def estimate_time(
    services: ApiServices, connection: AsyncConnection, campaign: Campaign, model: str, count: int
) -> Eta:
    """Return when so many items of a model may be done, if they were all queued now."""
    at = services.clock()
    view = SchedulerView(await services.snapshots.refresh(connection, at), at)
    job = QueuedJob(
        model=model,
        caller_id=campaign.caller_id,
        not_before=at,
        backing_off=False,
        since=at,
        campaign=campaign.name,
    )
    durations = await services.estimates.durations(connection, view)
    eta = eta_of(job, view.wait_status(job), QueuePosition(count, count), view, durations)
    if campaign.rpm is None or eta.p50 is None or eta.p90 is None:
        return eta
    least = (count - 1) * 60 / campaign.rpm
    if least <= eta.p50:
        return eta
    return Eta(least, least + eta.p90 - eta.p50, "campaign_limit")


async def _scan(services: ApiServices, campaign: Campaign, spec: CampaignSpec, variants: Variants) -> _Scan:
    """Render the first variant of each row, a page at a time, beside the event loop."""
    scan, position = _Scan(), 0
    wanted = _sample_positions(campaign.row_count)
    if campaign.row_count == 0 and spec.axes and len(variants):
        only = StoredRow(ONLY_ROW, 0, 1, 0, 0, RowContent({}, {}))
        _render([only], spec, variants, scan, {0})
    while True:
        async with services.database.reading() as connection:
            page = await rows.list_rows(connection, campaign.id, from_position=position, limit=_PAGE)
        if not page:
            return scan
        position = page[-1].position + 1
        await asyncio.to_thread(_render, page, spec, variants, scan, wanted)


def _sample_positions(count: int) -> set[int]:
    return {number * count // SAMPLES for number in range(SAMPLES)}


def _render(
    page: Sequence[StoredRow], spec: CampaignSpec, variants: Variants, scan: _Scan, wanted: set[int]
) -> None:
    for row in page:
        number = len(scan.samples) % max(len(variants), 1)
        assignment = variants.assignment(number) if len(variants) else {}
        try:
            item = render_item(spec, row.key, row.content, assignment)
        except TemplateError as error:
            scan.error_count += len(error.problems)
            left = _MOST_ERRORS - len(scan.errors)
            scan.errors += [
                {
                    "key": row.key,
                    "line": each.line,
                    "column": each.column,
                    "code": each.code,
                    "message": each.message,
                }
                for each in error.problems[:left]
            ]
            continue
        scan.pictures += (item.n or 1) * len(variants)
        if item.model in scan.models or len(scan.models) < _MOST_MODELS:
            scan.models[item.model] += 1
        if row.position in wanted:
            name = variant_name(assignment)
            scan.samples.append((f"{row.key} {name}".strip(), item))


def _budget_warnings(spec: CampaignSpec, cost: PlannedCost) -> list[dict[str, str]]:
    """Return what keeps a budget from being enough."""
    budget = spec.budget
    if budget is None or cost.p50_micro is None:
        return []
    if cost.currency != budget.currency:
        words = f"The channels charge {cost.currency} and the budget is in {budget.currency}: no call would"
        words += f" start. Give the budget in {cost.currency}."
        return [{"code": "budget_currency", "message": words}]
    if cost.p50_micro <= budget.micro:
        return []
    expected, limit = (f"{amount(micro)} {budget.currency}" for micro in (cost.p50_micro, budget.micro))
    words = f"The campaign may cost {expected}, and pauses once it has spent its budget of {limit}."
    return [{"code": "budget_small", "message": words}]


async def _warnings(
    services: ApiServices,
    connection: AsyncConnection,
    campaign: Campaign,
    spec: CampaignSpec,
    scan: _Scan,
    count: int,
) -> list[dict[str, str]]:
    at = services.clock()
    view = SchedulerView(await services.snapshots.refresh(connection, at), at)
    found = [
        {"code": "no_channel", "message": f"No channel that is open serves the model {model}."}
        for model in scan.models
        if not view.channels_for(model)
    ]
    if spec.canary is not None and spec.canary.items >= count > 0:
        words = "The canary has all items: nothing is left for after its approval."
        found.append({"code": "canary_is_all", "message": words})
    if scan.error_count:
        words = "Items of rows with errors will fail without a call; the others are not held up."
        found.append({"code": "rows_with_errors", "message": words})
    if missing := await rows.count_missing(connection, campaign.id):
        words = f"{missing:,} rows were not in the last import; they stay, and are made."
        found.append({"code": "missing_rows", "message": words})
    return found
