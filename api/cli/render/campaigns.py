"""Campaigns as text: plan, errors of rows, state, failures."""

from collections.abc import Iterator, Sequence
from typing import Any

from api.cli.output import shortened
from api.cli.render.jobs import eta_words
from darkroom_client import Action, CampaignState, ImportReport, Plan

_ERRORS = 10  # that are shown
_SAMPLES = 3
_SOURCES = {"history": "by past calls", "table": "by the price list", "assumed": "assumed"}
_WIDTH = 100


def plan_lines(name: str, plan: Plan) -> Iterator[str]:
    """Yield what a campaign would do."""
    yield f"{name}: {plan.formula} items, {plan.calls:,} calls, {plan.pictures:,} pictures"
    yield f"cost     {cost_words(plan.cost)}"
    if words := eta_words(plan.document.get("time")):
        yield f"time     {words}"
    for sample in plan.samples[:_SAMPLES]:
        images = f" (with {len(sample.images)} images)" if sample.images else ""
        yield f"sample   {sample.key}: {shortened(sample.prompt, _WIDTH)}{images}"
    for warning in plan.warnings:
        yield f"warning  {warning}"
    for error in plan.errors[:_ERRORS]:
        yield f"error    {error.get('key')}: {error.get('message')}"
    if plan.error_count > _ERRORS:
        yield f"error    … and {plan.error_count - _ERRORS:,} more"


def cost_words(cost: Any) -> str:
    """Return an estimate as text."""
    if cost.p50 is None:
        return "unknown: no price is set for the model on its channels"
    most = f", at most about {cost.p90}" if cost.p90 not in (None, cost.p50) else ""
    source = _SOURCES.get(cost.source, cost.source)
    return f"about {cost.p50} {cost.currency}{most} ({source})"


def import_lines(report: ImportReport) -> Iterator[str]:
    """Yield what an import did, and the first errors by line."""
    counts = [
        f"{count:,} {word}"
        for word in ("added", "changed", "unchanged", "missing")
        if (count := getattr(report, word))
    ]
    yield f"rows     {', '.join(counts) or 'none'}"
    for error in report.errors[:_ERRORS]:
        column = f", column {error.column}" if error.column else ""
        place = f"line {error.line}{column}" if error.line else "the sheet"
        yield f"error    {place}: {error.message}"
    if report.error_count > _ERRORS:
        yield f"error    … and {report.error_count - _ERRORS:,} more"


def failure_lines(groups: Sequence[Any], limit: int = 5) -> Iterator[str]:
    """Yield the most frequent failures."""
    for group in groups[:limit]:
        held = "held" if group.held else "failed"
        keys = ", ".join(group.samples[:3])
        yield f"{group.count:,} {held} ({group.code}): {shortened(group.words, _WIDTH)} [{keys}]"
    if len(groups) > limit:
        yield f"… and {len(groups) - limit:,} other kinds"


def state_lines(state: CampaignState) -> Iterator[str]:
    """Yield the state of a campaign as lines of a label and its value."""
    yield f"campaign {state.name} ({state.id or 'only named by jobs'})"
    yield f"status   {state.status}{_pause_words(state)}"
    counts = [f"{count:,} {name}" for name, count in state.by_status.items() if count]
    yield f"items    {state.total:,}: {', '.join(counts)}" if counts else f"items    {state.total:,}"
    money = state.money
    if money.currency is not None:
        limit = f" of {money.limit}" if money.limit else ""
        yield (
            f"money    {money.settled}{limit} {money.currency} settled, {money.reserved} reserved, "
            f"{money.unknown} unknown"
        )
    if words := eta_words(state.document.get("eta")):
        yield f"done     {words}"
    for kind, rule in (state.document.get("retry") or {}).items():
        yield f"retry    {kind}: {', '.join(f'{member}={value}' for member, value in rule.items())}"


def _pause_words(state: CampaignState) -> str:
    if state.pause is None:
        return ""
    until = f", until {state.pause.until:%Y-%m-%d %H:%M:%S}Z" if state.pause.until else ""
    return f" ({state.pause.reason}{': ' + state.pause.detail if state.pause.detail else ''}{until})"


def action_lines(action: Action) -> Iterator[str]:
    """Yield what an action did, or would do."""
    tense = "would get a take" if action.id is None else f"{action.status}: {action.done:,} done"
    failed = f", {action.failed:,} could not" if action.failed else ""
    yield f"{action.kind:<8} {action.eligible:,} items, {tense}{failed}"
    for each in action.skipped:
        yield f"skipped  {each.count:,} {each.reason}: {each.message}"
    if action.kind != "verdict" and action.eligible:
        yield f"cost     {cost_words(action.cost)}"
    if action.may_pay_twice:
        yield f"warning  {action.may_pay_twice:,} of them may be charged twice"
