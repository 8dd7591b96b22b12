"""What an API process reads for readiness and metrics, and how often."""

import asyncio

from sqlalchemy import event

from tests.api.service import Service
from tests.worker.metrics.samples import sample


async def test_the_state_is_read_once_however_many_scrape(service: Service) -> None:
    sent: list[str] = []
    engine = service.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    answers = await asyncio.gather(*(service.get("/metrics") for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum("FROM webhook_deliveries" in statement for statement in sent) == 1
    assert sum("FROM attempts" in statement and "cost_micro" in statement for statement in sent) == 4


async def test_a_scrape_has_state_and_counters_of_the_process(service: Service) -> None:
    labels = {"model": "scraped-image", "source": "rest"}
    before = sample("darkroom_jobs_submitted_total", **labels)
    await service.submit(model="scraped-image")
    text = (await service.get("/metrics")).text
    assert 'darkroom_queued_jobs{model="scraped-image",state="due"} 1.0' in text
    assert sample("darkroom_jobs_submitted_total", **labels) == before + 1
    assert 'darkroom_jobs_submitted_total{model="scraped-image",source="rest"}' in text
    assert 'darkroom_storage_used_bytes{kind="result"} 0.0' in text
    assert "darkroom_storage_free_bytes" in text
