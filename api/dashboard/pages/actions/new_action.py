"""A new action: what a retry, cancel or delete of marked or of all matching jobs would do and cost."""

from collections.abc import Mapping
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.selection.bulk_actions import BulkRequest
from api.jobs.selection.job_actions import run_action
from api.jobs.selection.job_conditions import AnyJobs, find_filter, read_conditions, read_job_ids
from api.web.problems import invalid_field
from models.queries.selection.job_filter import JobFilter
from worker.bulk.job_changes import CHANGES

TYPED = 100  #: from more jobs on, their number is to be typed
_NAMES = tuple(AnyJobs.model_fields)
MEANINGS = {
    "retry": msgid("They are sent to a provider again, and may be charged."),
    "cancel": msgid("Jobs that wait end at once. Calls under way are dropped; the provider may charge them."),
    "delete": msgid("The jobs, their attempts and their pictures are deleted for good."),
}


async def load(view: PageView) -> Mapping[str, Any]:
    """Return what the action in the address would do. Raises the 422 problem of a wrong kind or filter."""
    kind = view.query.get("kind", "")
    if not kind:
        return {"action": None}
    if kind not in CHANGES:
        raise invalid_field("kind", f"must be one of {', '.join(CHANGES)}")
    twice = kind == "retry" and view.query.get("may_pay_twice") == "yes"
    marked = view.query.get("scope") != "matching"
    ids = list(dict.fromkeys(",".join(view.request.query_params.getlist("marked")).split(",")))
    body: dict[str, Any] = {"kind": kind}
    conditions: dict[str, str] = {}
    if marked:
        wanted, unknown = await read_job_ids(view.services.database, view.caller, filter(None, ids))
        request = BulkRequest(
            wanted=JobFilter(ids=wanted, with_parts=True), unknown=unknown, dry_run=True, may_pay_twice=twice
        )
        body["ids"] = [each for each in ids if each]
    else:
        conditions = {name: view.query[name] for name in _NAMES if view.query.get(name)}
        if not conditions:
            raise invalid_field("filter", "choose something to filter by first: it would be every job")
        given = read_conditions(view.query, _NAMES)
        found = await find_filter(view.services, view.caller, given)
        request = BulkRequest(wanted=found, caller=given.caller, dry_run=True, may_pay_twice=twice)
        body["filter"] = conditions
    if twice:
        body["may_pay_twice"] = True
    action = await run_action(view.services, view.caller, CHANGES[kind], request)
    return {
        "action": action,
        "meaning": MEANINGS[kind],
        "marked": len(body.get("ids", ())) if marked else None,
        "conditions": conditions,
        "body": body,
        "twice": twice,
        "could_pay_twice": sum(
            each["count"] for each in action["skipped"] if each["reason"] in ("already_paid", "may_be_paid")
        ),
        "typed": action["eligible"] > TYPED,
        "again": [(name, value) for name, value in view.request.query_params.multi_items()],
    }


PAGE = Page("/dashboard/actions/new", "new_action", msgid("New action"), load, parent="jobs")
