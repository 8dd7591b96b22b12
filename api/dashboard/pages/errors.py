"""Errors: failed calls grouped by what the provider said, over five windows, with what was decided."""

from collections.abc import Mapping
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.selection.failures import IGNORED, RESOLVED, WINDOWS, read_groups
from models.ids import public_id

_SHOWN = 100
_ALL = "all"
_STATES = ("open", RESOLVED, IGNORED, _ALL)


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the groups of a state."""
    groups = await read_groups(view.services, view.caller.scope)
    state = view.query.get("state", "open")
    shown = [group for group in groups if state in (_ALL, group.state)][:_SHOWN]
    return {
        "groups": shown,
        "windows": WINDOWS,
        "state": state,
        "counts": {each: sum(each in (_ALL, group.state) for group in groups) for each in _STATES},
        "ids": {
            group.fingerprint: [public_id("job", job_id) for job_id in group.failed_ids] for group in shown
        },
        "samples": {group.fingerprint: public_id("job", group.job_ids[0]) for group in shown},
        "decides": view.caller.role.sees_all,
    }


PAGE = Page(
    "/dashboard/errors",
    "errors",
    msgid("Errors"),
    load,
    live=frozenset({"jobs", "audit"}),
    group="work",
    icon="errors",
)
