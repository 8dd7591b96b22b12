"""One query string means the same jobs: on the page, by the API, the command line, in exports and actions."""

import asyncio
import html
import io
import json
import random
import re
import zipfile
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, update

from api.cli.app import run
from models.clock import rfc3339
from models.ids import new_id, public_id
from models.outcomes import CallResult, Outcome
from models.queries.attempts import AttemptRecord, NewAttempt, finish_attempts, insert_attempts
from models.tables import channels, jobs
from tests.api.cli.conftest import server  # noqa: F401 - a fixture
from tests.api.cli.scripted_server import ScriptedServer
from tests.api.dashboard.visitor import Visitor, add_channel, visit
from tests.api.service import ADMIN, BOB, S, Service, key_of

SEED = 17
Values = dict[str, list[str]]


async def filled(service: Service) -> Values:
    """Make jobs that differ in all that a filter names; return values of each condition, one of no job."""
    await add_channel(service)
    worker, at = new_id(), service.services.clock()
    made = []
    for number in range(20):
        owner = service if number % 3 else service.with_key(BOB)
        job = await owner.submit(
            model=("flux", "gpt-image")[number % 2],
            prompt=("a red cat", "a dog")[number // 2 % 2],
            tags=[("night", "day")[number // 3 % 2]],
            **({"campaign": "spring"} if number % 4 else {}),
        )
        made.append(job["id"])
        if number < 6:
            await owner.finish(job, f"png {number}".encode())
        elif number < 12:
            await fail(service, job, number)
        elif number < 15:
            await service.move(job, S.QUEUED, S.LEASED, worker_id=worker, channel_id=await channel(service))
    async with service.services.database.writing() as connection:
        of_task = [key_of({"id": each}) for each in made[-2:]]
        await connection.execute(update(jobs).where(jobs.c.id.in_(of_task)).values(surface="midjourney"))
    chosen = {"kind": "cancel", "ids": made[12:20], "expected_count": 8}
    action = (await service.with_key(ADMIN).post("/v1/actions", json=chosen)).json()
    errors = (await service.with_key(ADMIN).get("/v1/errors")).json()["data"]
    assert len(errors) == 2
    owner = (await service.with_key(ADMIN).read({"id": made[0]}))["caller"]
    return {
        "status": ["failed", "succeeded,failed", "queued,leased", "held"],
        "model": ["flux", "gpt-image"],
        "campaign": ["spring", "autumn"],
        "tag": ["night", "day"],
        "surface": ["rest", "any", "midjourney"],
        "error_code": ["timeout", "moderation"],
        "channel": ["here", "there"],
        "worker": [public_id("worker", worker), public_id("worker", new_id())],
        "text": ["CAT", "dog", "%"],
        "created_after": [rfc3339(at - timedelta(hours=1)), rfc3339(at + timedelta(hours=1))],
        "created_before": [rfc3339(at + timedelta(hours=1))],
        "finished_after": [rfc3339(at - timedelta(hours=1))],
        "finished_before": [rfc3339(at + timedelta(hours=1))],
        "before": [made[17]],
        "after": [made[3]],
        "action": [action["id"]],
        "verdict": ["none"],
        "check": ["blank"],
        "caller": [owner["name"], owner["id"]],
        "ids": [",".join(made[2:19]), made[8]],
        "fingerprint": [each["fingerprint"] for each in errors],
    }


async def channel(service: Service) -> Any:
    async with service.services.database.reading() as connection:
        return await connection.scalar(select(channels.c.id))


async def fail(service: Service, job: dict[str, Any], number: int) -> None:
    """Let a call of a queued job fail for one of two reasons."""
    code, at = ("timeout", "moderation")[number % 2], service.services.clock()
    call = NewAttempt(
        job_id=key_of(job), number=1, generation=1, channel="here", worker_id=new_id(), sent_at=at
    )
    ended = CallResult(Outcome.PERMANENT, code=code, message=code)
    async with service.services.database.writing() as connection:
        await insert_attempts(connection, [call])
        await finish_attempts(connection, [AttemptRecord.of(key_of(job), 1, ended, finished_at=at)])
    error = {"code": code, "message": code, "outcome": "permanent"}
    await service.move(job, S.QUEUED, S.LEASED, channel_id=await channel(service))
    await service.move(job, S.LEASED, S.RUNNING)
    await service.move(job, S.RUNNING, S.FAILED, error=error, finished_at=at)


async def of_page(visitor: Visitor, query: str) -> set[str]:
    answer = await visitor.get(f"/dashboard/jobs?{query}")
    assert answer.status_code == 200, answer.text[-500:]
    return set(re.findall(r'<tr data-row id="(job_\w+)"', answer.text))


async def of_list(service: Service, query: dict[str, str]) -> dict[str, Any]:
    answer = await service.get("/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return {job["id"]: job for job in answer.json()["data"]}


async def of_export(service: Service, chosen: dict[str, Any]) -> set[str]:
    answer = await service.post("/v1/assets/zip", json={"filter": chosen})
    if answer.status_code == 404:
        return set()
    assert answer.status_code == 200, answer.text
    lines = zipfile.ZipFile(io.BytesIO(answer.content)).read("manifest.jsonl").splitlines()
    return {json.loads(line)["job"] for line in lines}


async def of_actions(visitor: Visitor, service: Service, query: str) -> set[str]:
    """Begin two actions, which together are for each job, as their pages say; return their jobs."""
    found = set[str]()
    for kind in ("cancel", "delete"):
        answer = await visitor.get(f"/dashboard/actions/new?kind={kind}&scope=matching&{query}")
        assert answer.status_code == 200, answer.text[-500:]
        button = re.search(r'data-call="POST /v1/actions" data-body="([^"]+)"', answer.text)
        if button is not None:
            begun = await visitor.call("POST", "/v1/actions", json=json.loads(html.unescape(button[1])))
            assert begun.status_code == 202, begun.text
            found |= set(await of_list(service, {"action": begun.json()["id"]}))
    return found


@pytest.mark.parametrize("plain_database_url", ["sqlite"], indirect=True)
async def test_a_query_string_means_the_same_jobs_everywhere(
    service: Service,
    server: ScriptedServer,  # noqa: F811 - the fixture
) -> None:
    values = await filled(service)
    admin, visitor, chance = service.with_key(ADMIN), await visit(service, ADMIN), random.Random(SEED)
    server.respond("GET /v1/jobs", {"data": [], "next": None})
    server.respond("POST /v1/jobs/cancel", {"eligible": 0, "matched": 0, "skipped": []})
    sizes = set[int]()
    names = chance.sample(list(values), len(values))
    for conditions in (
        {name: chance.choice(values[name]) for name in names[at : at + 2]} for at in range(0, len(names), 2)
    ):
        query = urlencode(conditions)
        listed = await of_list(admin, conditions)
        sizes.add(len(listed))
        assert await of_page(visitor, query) == set(listed), query
        assert await of_actions(visitor, admin, query) == set(listed), query
        pictured = {key for key, job in listed.items() if job["assets"]}
        assert await of_export(admin, conditions) == pictured, query
        address = f"{service.services.public_url}/dashboard/jobs?{query}"
        assert await asyncio.to_thread(run, ("jobs", "list", "--filter", address)) == 0
        assert server.requests[-1].query == {**conditions, "limit": "20"}
        assert await asyncio.to_thread(run, ("jobs", "cancel", "--dry-run", "--filter", query)) == 0
        sent = server.requests[-1].body
        tried = (await admin.post("/v1/jobs/cancel", json=sent)).json()
        assert tried["matched"] == len(listed), sent
    assert len(sizes) > 4, sizes
