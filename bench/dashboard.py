"""The dashboard with a million jobs: server time of each page, and what a hundred open tabs cost."""

import asyncio
import gzip
import os
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, time

import httpx
import psutil
import psycopg
from aiohttp import ClientSession, ClientTimeout

from bench.campaign import submit
from bench.figures import Figure
from bench.load import run
from bench.scale import add_callers, grow, settle
from bench.servers import Environment, Servers
from models.channels import ChannelSettings
from models.clock import now
from models.database import Database
from models.ids import public_id
from models.queries.channels import sync_channels
from tests.support.databases import sqlalchemy_url
from tests.support.processes import until

JOBS = int(os.environ.get("DASHBOARD_JOBS", "1000000"))
SPAN = 7 * 86_400  #: seconds over which the jobs were submitted
TIMES, TABS, SECONDS = 40, 100, 15.0
ITEMS = 12_000  #: of a campaign
_ADMIN = "dk_bench_admin_bench_admin"
_PAGES = (
    ("overview", "/dashboard", 150),
    ("jobs", "/dashboard/jobs", 200),
    ("jobs, far back", "/dashboard/jobs?before={middle}", 200),
    ("jobs that failed", "/dashboard/jobs?status=failed", 200),
    ("jobs of a campaign", "/dashboard/jobs?campaign=campaign%207", 200),
    ("one job", "/dashboard/jobs/{job}", 100),
    ("gallery", "/dashboard/gallery", 200),
    ("gallery, far back", "/dashboard/gallery?before={middle}", 200),
    ("gallery, blank ones", "/dashboard/gallery?check=blank", 200),
    ("gallery, picked ones", "/dashboard/gallery?verdict=pick", 200),
    ("gallery, wrong sizes", "/dashboard/gallery?check=size", 200),
    ("gallery, a tag", "/dashboard/gallery?tag=rare", 200),
    ("gallery, a model", "/dashboard/gallery?model=rare", 200),
    ("gallery, a campaign", "/dashboard/gallery?campaign=campaign%207", 200),
    ("errors", "/dashboard/errors", 200),
    ("channels", "/dashboard/channels", 200),
    ("workers", "/dashboard/workers", 200),
    ("costs", "/dashboard/costs?days=1", 200),
    ("costs of 30 days", "/dashboard/costs?days=30", 200),
    ("campaigns", "/dashboard/campaigns", 200),
    (f"a campaign of {ITEMS:,} items", "/dashboard/campaigns/{campaign}", 200),
    (f"review of {ITEMS:,} items", "/dashboard/campaigns/{campaign}/review", 200),
    ("audit", "/dashboard/audit", 200),
    ("actions", "/dashboard/actions", 200),
)


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure each page, then the tabs."""
    with servers.environment() as environment:
        submit(environment, 1)
        add_callers(environment)
        grow(environment, 0, JOBS, base=int((time() - SPAN) * 1000), step=SPAN * 1000 // JOBS)
        ids = _vary(environment)
        settle(environment)
        port = environment.start_api(admin_keys=_ADMIN)
        api = psutil.Process(environment.processes[-1].pid)
        ids["campaign"] = _add_campaign(environment, port)
        settle(environment)
        return [*run(_pages(port, api, ids)), *run(_tabs(port, api))]


def _vary(environment: Environment) -> dict[str, str]:
    """Let one of 200 jobs fail, and a few pictures be blank; return ids for the addresses."""
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        connection.execute(
            'UPDATE jobs SET status = \'failed\', error = \'{"code": "timeout", "message": "late"}\' '
            "WHERE status = 'succeeded' AND abs(hashtext(id::text)) % 200 = 0"
        )
        connection.execute(
            "UPDATE attempts SET outcome = 'timeout', error_code = 'timeout', billed = 'no' FROM "
            "jobs WHERE jobs.id = attempts.job_id AND jobs.status = 'failed'"
        )
        connection.execute("UPDATE assets SET blank = true WHERE abs(hashtext(id::text)) % 20000 = 1")
        found = connection.execute(
            "SELECT id FROM jobs WHERE status = 'succeeded' ORDER BY id OFFSET %s LIMIT 1", (JOBS // 2,)
        ).fetchone()
    assert found is not None
    run(_add_channel(sqlalchemy_url(environment.database_url)))
    return {"middle": public_id("job", found[0]), "job": public_id("job", found[0])}


def _add_campaign(environment: Environment, port: int) -> str:
    """Let a worker make the items of a campaign, give each a picture, and return the campaign's id."""
    sheet = "key,product\n" + "".join(f"k{number},product {number}\n" for number in range(ITEMS))
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}/v1",
        headers={"Authorization": f"Bearer {_ADMIN}"},
        timeout=300,
        trust_env=False,
    ) as api:
        api.post("/channels/upstream/pause").raise_for_status()
        made = {"name": "many", "model": "bench", "template": {"prompt": "a photo of {product}"}}
        campaign = str(api.post("/campaigns", json=made).raise_for_status().json()["id"])
        rows = api.post("/campaigns/many/rows", content=sheet, headers={"Content-Type": "text/csv"})
        rows.raise_for_status()
        worker = environment.start_worker("http://127.0.0.1:1", slots=1)
        api.post("/campaigns/many/start", json={"expected_items": ITEMS}).raise_for_status()
        until(
            lambda: environment.count("SELECT count(*) FROM campaign_items") >= ITEMS,
            within=300,
            what="items",
        )
        worker.end()
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE jobs SET status = 'succeeded', finished_at = now() WHERE item_id IS NOT NULL"
        )
        connection.execute(
            "INSERT INTO assets (id, caller_id, job_id, position, token, key, sha256, content_type, "
            "extension, width, height, bytes, created_at) "
            "SELECT gen_random_uuid(), caller_id, id, 0, md5(id::text), 'sha256/' || md5(id::text), "
            "md5(id::text) || md5(prompt), 'image/png', 'png', 1024, 1024, 2000000, created_at "
            "FROM jobs WHERE item_id IS NOT NULL"
        )
        connection.execute("UPDATE campaign_items SET state = 'made', ended_at = now()")
    return campaign


async def _pages(port: int, api: psutil.Process, ids: dict[str, str]) -> list[Figure]:
    """Measure the time of each page, and the API's processor time: on a busy machine, the better measure."""
    figures = []
    async with _logged_in(port) as client:
        for name, path, limit in _PAGES:
            address, times, size = path.format(**ids), [], 0
            (await client.get(address)).raise_for_status()  # what pages share is read
            spent = sum(api.cpu_times()[:2])
            for _ in range(TIMES):
                begun = perf_counter()
                answer = await client.get(address)
                times.append((perf_counter() - begun) * 1000)
                answer.raise_for_status()
                size = len(gzip.compress(answer.content))
            cpu = (sum(api.cpu_times()[:2]) - spent) / TIMES * 1000
            p95 = statistics.quantiles(times, n=20)[-1]
            what = f"dashboard, {name}, p95 with {JOBS:,} jobs (processor {cpu:.0f} ms, {size / 1024:.0f} KB)"
            figures.append(Figure(what, p95, "ms", goal=limit, at_most=True))
    return figures


async def _add_channel(url: str) -> None:
    database = Database(url)
    settings = {"name": "upstream", "base_url": "https://relay.example", "api_key": "practice"}
    async with database.writing() as connection:
        await sync_channels(
            connection, [ChannelSettings.model_validate({**settings, "models": ("*",)})], now()
        )
    await database.close()


@asynccontextmanager
async def _logged_in(port: int) -> AsyncIterator[httpx.AsyncClient]:
    """Provide a client that has logged in."""
    origin = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=origin, timeout=60) as client:
        answer = await client.post("/dashboard/login", data={"key": _ADMIN}, headers={"Origin": origin})
        assert answer.status_code == 303, answer.text
        yield client


async def _tabs(port: int, api: psutil.Process) -> list[Figure]:
    """Open streams as tabs do, and read the processor time and the memory of the API meanwhile."""
    async with _logged_in(port) as client, ClientSession(timeout=ClientTimeout(total=None)) as session:
        cookies = {cookie.name: cookie.value or "" for cookie in client.cookies.jar}
        url = f"http://127.0.0.1:{port}/dashboard/events"
        before = api.memory_full_info().uss
        streams = [await session.get(url, cookies=cookies) for _ in range(TABS)]
        readers = [asyncio.create_task(stream.read()) for stream in streams]
        await asyncio.sleep(3)
        begun, spent = perf_counter(), sum(api.cpu_times()[:2])
        await asyncio.sleep(SECONDS)
        share = (sum(api.cpu_times()[:2]) - spent) / (perf_counter() - begun) * 100
        memory = (api.memory_full_info().uss - before) / 1e6
        for task in readers:
            task.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return [
        Figure(f"{TABS} open tabs, of one core", share, "%", goal=25, at_most=True),
        Figure(f"{TABS} open tabs, memory", memory, "MB", goal=300, at_most=True),
    ]
