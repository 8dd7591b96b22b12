"""Campaigns whose workers are killed: each take once, the budget kept, and each key in the manifest."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import PostgresCopies
from tests.support.fleet import Fleet
from tests.support.practice import Practice
from tests.support.processes import until
from tests.support.valkey import Valkey

pytestmark = pytest.mark.slow(reason="five processes start, are killed and start again")
FleetWithPrices = Callable[..., Fleet]
SPRING = "/v1/campaigns/spring"
ITEMS = 60
PRICE, LIMIT = Decimal("0.1"), Decimal(3)


@pytest.fixture
def fleet_with_prices(
    tmp_path: Path, broker: Valkey, practice_of: Callable[..., Practice], postgres_copies: PostgresCopies
) -> Iterator[FleetWithPrices]:
    """Start a fleet of four workers, whose channel charges for each call."""
    with ExitStack() as cleanup:

        def start(delay: float) -> Fleet:
            practice = practice_of(delay)
            channel = {
                "name": '"priced"',
                "base_url": f'"{practice.url}"',
                "api_key": '"practice"',
                "models": '["practice-image"]',
                "preset": '"generic"',
                "concurrency": "40",
                "prices": f'{{ "practice-image" = {{ per_call = {PRICE}, currency = "USD" }} }}',
            }
            lines = [f"{name} = {value}" for name, value in channel.items()]
            (tmp_path / "darkroom.toml").write_text("\n".join(["[[channels]]", *lines]) + "\n")
            fleet = Fleet(
                tmp_path,
                practice,
                database_url=cleanup.enter_context(postgres_copies.fresh()),
                broker_url=broker.url,
                apis=1,
                workers=4,
                upstream_models="none",
                worker_slots="6",
            )
            cleanup.callback(lambda: print(fleet.log_tails()))  # shown if the test fails
            cleanup.callback(fleet.end)
            fleet.start(migrate=False)
            return fleet

        yield start


def call(fleet: Fleet, method: str, path: str, status: int = 200, **options: Any) -> dict[str, Any]:
    """Send a request, and return the JSON of its answer."""
    answer = until(lambda: fleet.client.request(method, path, **options), within=30, what=path)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def start_campaign(fleet: Fleet, rows: int, **members: Any) -> None:
    """Create, fill and start ``spring``."""
    definition = {"name": "spring", "model": "practice-image", "template": {"prompt": "a {colour} cat"}}
    call(fleet, "POST", "/v1/campaigns", 201, json=definition | members)
    sheet = "key,colour\n" + "".join(f"k{number},colour {number}\n" for number in range(rows))
    headers = {"Content-Type": "text/csv"}
    assert call(fleet, "POST", f"{SPRING}/rows", content=sheet.encode(), headers=headers)["added"] == rows
    call(fleet, "POST", f"{SPRING}/start", json={"expected_items": rows})


def await_campaign(
    fleet: Fleet, wanted: Callable[[Mapping[str, Any]], bool], what: str, within: float = 60
) -> None:
    until(lambda: wanted(call(fleet, "GET", SPRING)), within=within, what=what, every=0.2)


def kill_and_restart(fleet: Fleet, *numbers: int) -> None:
    for number in numbers:
        fleet.workers[number].kill()
    for number in numbers:
        fleet.workers[number].start()


def check_budget(fleet: Fleet) -> None:
    """Check that no more was spent and reserved than the budget and the calls in flight allow."""
    ((spent,),) = fleet.rows("SELECT coalesce(sum(settled + unknown + reserved), 0) FROM spend")
    assert spent <= LIMIT * 1_000_000
    assert len(fleet.practice.calls()) <= LIMIT / PRICE


def test_a_budget_is_kept_and_every_key_is_made_once_whatever_is_killed(
    fleet_with_prices: FleetWithPrices,
) -> None:
    fleet = fleet_with_prices(0.4)
    budget = {"amount": str(LIMIT), "currency": "USD"}
    start_campaign(fleet, ITEMS, budget=budget, defaults={"on_unknown": "retry"})
    fleet.practice.wait_finished(5)
    kill_and_restart(fleet, 0, 1)
    await_campaign(
        fleet,
        lambda found: found["status"] == "paused" and found["jobs"].get("running", 0) == 0,
        "the budget is used up",
    )
    assert call(fleet, "GET", SPRING)["paused"]["reason"] == "budget"
    check_budget(fleet)

    raised = call(fleet, "PATCH", SPRING, json={"budget": {"amount": "50", "currency": "USD"}})
    assert raised["status"] == "running"
    fleet.practice.wait_finished(40)
    call(fleet, "POST", f"{SPRING}/pause")
    kill_and_restart(fleet, 2)
    call(fleet, "POST", f"{SPRING}/resume")
    await_campaign(fleet, lambda found: found["status"] == "finished", "all items end", within=90)
    assert call(fleet, "GET", SPRING)["items"]["by_status"]["made"] == ITEMS

    called = fleet.practice.call_counts()
    query = """SELECT j.prompt, count(*), count(a.cost_micro)
      FROM attempts AS a JOIN jobs AS j ON j.id = a.job_id GROUP BY j.prompt"""
    recorded = {prompt: (attempts, settled) for prompt, attempts, settled in fleet.rows(query)}
    assert recorded.keys() == called.keys() == {f"a colour {number} cat" for number in range(ITEMS)}
    for prompt, (attempts, settled) in recorded.items():
        # an attempt is committed before its call leaves: a killed worker may not have sent it
        assert settled <= called[prompt] <= attempts
    assert sum(called.values()) < 2 * ITEMS
    assert manifest_keys(fleet) == Counter(f"k{number}" for number in range(ITEMS))


def manifest_keys(fleet: Fleet) -> Counter[str]:
    """Export the campaign, and count the pictures of each key."""
    export = call(fleet, "POST", f"{SPRING}/exports", 202, json={"format": "zip"})
    path = f"/v1/exports/{export['id']}"
    until(lambda: call(fleet, "GET", path)["status"] == "ready", within=60, what="the export is ready")
    answer = fleet.client.request("GET", f"{path}/content")
    assert answer is not None
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        lines = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
    assert {line["status"] for line in lines} == {"made"}
    assert len({line["sha256"] for line in lines}) == len(lines)
    return Counter(line["key"] for line in lines)


def test_a_bulk_action_goes_on_after_all_workers_were_killed_and_makes_each_take_once(
    fleet_with_prices: FleetWithPrices,
) -> None:
    fleet, rows = fleet_with_prices(0.1), 2_500
    opens = datetime.now(UTC) + timedelta(hours=1)  # items and jobs are made, and no call is
    start_campaign(fleet, rows, start_at=opens.isoformat())
    await_campaign(fleet, lambda found: made_jobs(fleet) == rows, "all jobs are made")
    body = {"filter": {"campaign": "spring"}, "expected_count": rows}
    call(fleet, "POST", "/v1/jobs/cancel", json=body)
    await_campaign(fleet, lambda found: found["items"]["by_status"]["skipped"] == rows, "all are cancelled")

    action = call(fleet, "POST", f"{SPRING}/retry", 202, json={"mode": "missing", "expected_count": rows})
    path = f"/v1/actions/{action['id']}"
    until(lambda: call(fleet, "GET", path)["done"] > 0, within=30, what="a chunk is done", every=0.01)
    for worker in fleet.workers:
        worker.kill()
    killed_at = call(fleet, "GET", path)["done"]
    assert 0 < killed_at < rows
    for worker in fleet.workers:
        worker.start()
    until(lambda: call(fleet, "GET", path)["status"] == "finished", within=90, what="the action ends")
    assert call(fleet, "GET", path)["done"] == rows
    assert fleet.rows("SELECT takes, count(*) FROM campaign_items GROUP BY 1") == [(2, rows)]
    assert made_jobs(fleet) == 2 * rows
    assert fleet.rows("SELECT item_id FROM jobs GROUP BY 1 HAVING count(*) <> 2") == []
    assert fleet.practice.calls() == []


def made_jobs(fleet: Fleet) -> int:
    ((count,),) = fleet.rows("SELECT count(*) FROM jobs WHERE campaign = 'spring'")
    return int(count)
