"""The overview: figures of calls, and counts of jobs."""

import html
import json
import re
from datetime import UTC, datetime

from sqlalchemy import event, insert

from api.dashboard.pages.overview import draw_figures, series_rows
from api.overview.calls import total_calls
from api.overview.counts import read_counts
from models.ids import new_id
from models.queries.dashboard.figures import CallBucket
from models.tables import callers, notices
from tests.api.dashboard.visitor import add_channel, visit
from tests.api.service import ADMIN, Service
from worker.practice.request_parser import parse_hints

NOW = datetime(2026, 11, 30, 12, 15, tzinfo=UTC)


async def test_the_number_of_statements_grows_neither_with_callers_nor_with_lists(service: Service) -> None:
    admin = await visit(service, ADMIN)
    await service.submit()
    await service.hold()
    statements = list[str]()
    for database in (service.services.database, service.services.page_database):
        engine = database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    await read_counts(service.services, None)
    few = len(statements)
    row = {"name": "one", "key_hint": "", "admin": False, "created_at": service.services.clock()}
    async with service.services.database.writing() as connection:
        rows = [row | {"id": new_id(), "key_hash": bytes([number]) * 32} for number in range(30)]
        await connection.execute(insert(callers), rows)
    statements.clear()
    await read_counts(service.services, None)
    assert len(statements) == few
    statements.clear()
    assert (await admin.get("/dashboard")).status_code == 200
    assert sum("FROM assets" in each for each in statements) == 1, "of the held and the newest jobs at once"


async def test_first_steps_and_notices_name_what_is_missing(service: Service) -> None:
    await service.submit()
    page = (await (await visit(service, ADMIN)).get("/dashboard")).text
    assert "No provider is configured" in page
    assert "First steps" in page


async def test_only_the_practice_provider_is_broken_on_purpose(service: Service) -> None:
    admin = await visit(service, ADMIN)
    assert "Break it" not in (await admin.get("/dashboard")).text
    service.app.state.practice = True
    page = (await admin.get("/dashboard")).text
    bodies = [json.loads(html.unescape(each)) for each in re.findall(r'data-body="([^"]+)"', page)]
    broken = [body for body in bodies if "jobs" in body]
    assert len(broken) == 5
    await add_channel(service)
    for body in broken:
        answer = await admin.call("POST", "/v1/jobs", json=body)
        assert (answer.status_code, len(answer.json()["accepted"])) == (202, 20)
        assert parse_hints(body["jobs"][-1]["prompt"])[1].keys() & {"fail", "kill"}


async def test_an_alert_is_acknowledged_where_it_is_shown(service: Service) -> None:
    facts = {
        "subject": "here",
        "severity": "critical",
        "summary": "It is <slow>.",
        "inspect": "look",
        "act": "do",
    }
    alert = {"id": new_id(), "alert": "SlowQueue", "began_at": NOW, **facts}
    async with service.services.database.writing() as connection:
        await connection.execute(insert(notices).values(**alert))
    admin = await visit(service, ADMIN)
    page = (await admin.get("/dashboard")).text
    assert "It is &lt;slow&gt;." in page
    call = re.search(r'data-call="POST (/v1/notices/[^"]+/acknowledge)"', page)
    assert call is not None
    assert (await admin.call("POST", call[1])).status_code == 200
    page = (await admin.get("/dashboard/health")).text
    assert "acknowledged by" in page
    assert call[1] not in page
    assert "It is &lt;slow&gt;." not in (await (await visit(service)).get("/dashboard")).text


def test_the_table_of_figures_has_the_numbers_of_the_lines() -> None:
    start = datetime(2026, 11, 30, 12, tzinfo=UTC)
    figures = draw_figures(
        total_calls([CallBucket(start, "USD", calls=10, succeeded=6, failed=2, cost_micro=600)], NOW)
    )
    [row] = series_rows(figures, NOW)
    assert (row.start, row.calls, row.done, row.share, row.spend) == (start, 10, 6, 0.25, [600])
