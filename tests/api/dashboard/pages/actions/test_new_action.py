"""From a filter of the list, or marked jobs, to an action that is begun by the documented call."""

import html
import json
import re

from tests.api.dashboard.visitor import Visitor, visit
from tests.api.rest.bulk.test_actions import runner
from tests.api.rest.bulk.test_bulk_jobs import ended
from tests.api.service import S, Service


async def begin(visitor: Visitor, page: str) -> str:
    """Press the button of the page that begins the action; return the action's id."""
    found = re.search(r'data-call="POST (/v1/actions)" data-body="([^"]+)"', page)
    assert found is not None
    body = json.loads(html.unescape(found[2]))
    if "expected_count" not in body:
        typed = re.search(r'name="expected_count"[^>]*pattern="(\d+)"', page)
        assert typed is not None
        body["expected_count"] = int(typed[1])
    answer = await visitor.call("POST", found[1], json=body)
    assert answer.status_code == 202, answer.text
    action_id: str = answer.json()["id"]
    return action_id


async def test_all_that_match_are_previewed_begun_and_listed(service: Service) -> None:
    failed = [await ended(service, campaign="spring") for _ in range(2)]
    await ended(service, S.SUCCEEDED, campaign="spring")
    visitor = await visit(service)
    listed = (await visitor.get("/dashboard/jobs?campaign=spring")).text
    assert re.search(r'All that match <span class="count">3<', listed)
    page = (await visitor.get("/dashboard/actions/new?kind=retry&scope=matching&campaign=spring")).text
    for text in ("Retry all 2 jobs", "It has a picture, which was paid.", failed[0]["id"], "no price is set"):
        assert text in page
    assert "may_pay_twice=yes" in page
    action_id = await begin(visitor, page)
    await runner(service).run_round()
    shown = (await visitor.get(f"/dashboard/actions/{action_id}")).text
    for text in ("2 of 2 done", "Finished", f"action={action_id}"):
        assert text in shown
    assert action_id in (await visitor.get("/dashboard/actions")).text
    of_action = (await visitor.get(f"/dashboard/jobs?action={action_id}")).text
    assert of_action.count("<tr data-row") == 2


async def test_marked_jobs_are_named_and_many_are_to_be_counted(service: Service) -> None:
    jobs = [await service.submit() for _ in range(101)]
    visitor = await visit(service)
    some = ",".join(job["id"] for job in jobs[:2])
    page = (await visitor.get(f"/dashboard/actions/new?kind=cancel&scope=marked&marked={some}")).text
    assert "2 marked jobs" in page
    assert "Type the number" not in page
    many = (await visitor.get("/dashboard/actions/new?kind=cancel&scope=matching&status=queued")).text
    assert "Type the number of jobs, 101, to go on" in many
    await begin(visitor, many)
    everything = await visitor.get("/dashboard/actions/new?kind=cancel&scope=matching")
    assert (everything.status_code, "every job" in everything.text) == (422, True)
    assert (await visitor.get("/dashboard/actions/new?kind=sing&marked=x")).status_code == 422
