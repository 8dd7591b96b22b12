"""Campaigns: import of rows, start of items, progress of a large campaign, and the ZIP of an export."""

import csv
import hashlib
import io
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from time import monotonic, perf_counter, sleep

import httpx
import psutil
import psycopg

from bench.figures import Figure
from bench.load import run
from bench.servers import KEY, Environment, Servers
from models.clock import now
from models.database import Database
from models.queries.assets import NewAsset, insert_assets
from tests.support.databases import sqlalchemy_url
from worker.asset_store import content_key

ROWS, MANY, TIMES = 100_000, 1_000_000, 50
PICTURES, SIZE = 2_000, 150_000  #: of an export; bytes of each
_SHOWN = 0.05  # seconds between looks at the database
_START_TIMEOUT = 900  # seconds


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure them on PostgreSQL."""
    figures: list[Figure] = []
    with servers.environment() as environment:
        port = environment.start_api(
            campaign_rows=2 * MANY, campaign_items=2 * MANY, request_body_limit=2**28
        )
        api = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/v1",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=900,
            trust_env=False,
        )
        for step in (_import, _start, _export, _progress):
            found = step(environment, api)
            print("; ".join(f"{each.what}: {each.value:,.1f} {each.unit}" for each in found), flush=True)
            figures += found
    return figures


def _sheet() -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("key", "product", "colour", "place"))
    rows.writerows(
        (f"k{n}", f"product {n}", "red" if n % 2 else "blue", f"a room {n % 97}") for n in range(ROWS)
    )
    return text.getvalue().encode()


def _import(environment: Environment, api: httpx.Client) -> Sequence[Figure]:
    """Import a sheet twice: what is new, and what is known already; with the memory of the API process."""
    template = {"prompt": "a photo of {product} in {colour}, {place}"}
    api.post("/campaigns", json={"name": "bench", "model": "bench", "template": template}).raise_for_status()
    sheet, rates = _sheet(), list[float]()
    peak = Peak(environment.processes[0].pid)
    for _ in range(2):
        began = perf_counter()
        answer = api.post("/campaigns/bench/rows", content=sheet, headers={"Content-Type": "text/csv"})
        answer.raise_for_status()
        assert answer.json()["rows"] == ROWS, answer.text[:500]
        rates.append(ROWS / (perf_counter() - began))
    more = peak.end()
    return [
        Figure("import of 100,000 rows", rates[0], "rows/s"),
        Figure("import of the same sheet again", rates[1], "rows/s"),
        Figure("memory that the import added at its peak", more, "MB", goal=100, at_most=True),
    ]


class Peak:
    """Watches the memory of a process: proportional set size, in MB above that of the start."""

    def __init__(self, pid: int) -> None:
        self._process, self._ended = psutil.Process(pid), Event()
        self._first = self.most = self._read()
        self._thread = Thread(target=self._watch)
        self._thread.start()

    def end(self) -> float:
        """Stop; return how much more it was at its peak."""
        self._ended.set()
        self._thread.join()
        return self.most - self._first

    def _watch(self) -> None:
        while not self._ended.wait(_SHOWN):
            self.most = max(self.most, self._read())

    def _read(self) -> float:
        return float(self._process.memory_full_info().pss) / 2**20


def _start(environment: Environment, api: httpx.Client) -> Sequence[Figure]:
    """Start the items: until the request is answered, and until a worker has made them all."""
    worker = environment.start_worker("http://127.0.0.1:1", slots=1)
    api.post("/channels/upstream/pause")
    began = perf_counter()
    api.post("/campaigns/bench/start", json={"expected_items": ROWS}).raise_for_status()
    answered = perf_counter() - began
    end = monotonic() + _START_TIMEOUT
    while environment.count("SELECT count(*) FROM campaign_items") < ROWS:
        assert monotonic() < end, worker.log_tail()
        sleep(_SHOWN)
    made = perf_counter() - began
    return [
        Figure("start of 100,000 items: answered", 1000 * answered, "ms"),
        Figure("start of 100,000 items: all items and jobs are there", made, "s"),
        Figure("start of 100,000 items", ROWS / made, "items/s"),
    ]


def _export(environment: Environment, api: httpx.Client) -> Sequence[Figure]:
    """Export pictures as a ZIP, and compare its download with ``cat`` of the same files."""
    folder = environment.folder / "pictures"
    folder.mkdir(exist_ok=True)
    keys = run(_add_pictures(environment, folder))
    began = perf_counter()
    made = api.post("/campaigns/bench/exports", json={"filter": {"status": "made"}}).raise_for_status().json()
    while (export := api.get(f"/exports/{made['id']}").json())["status"] in ("waiting", "running"):
        sleep(_SHOWN)
    assert export["status"] == "ready", export
    built = perf_counter() - began
    size = export["bytes"] / 1e6
    with api.stream("GET", f"/exports/{made['id']}/content") as answer:
        began, received = perf_counter(), 0
        for piece in answer.iter_raw(2**20):
            received += len(piece)
    sent = perf_counter() - began
    assert received == export["bytes"]
    began = perf_counter()
    with Path(os.devnull).open("wb") as nothing:
        subprocess.run(
            ["xargs", "-a", "-", "cat"], input="\n".join(keys).encode(), stdout=nothing, check=True
        )
    plain = perf_counter() - began
    return [
        Figure("export of 2,000 pictures of 150 kB: built", size / built, "MB/s"),
        Figure("download of its ZIP", size / sent, "MB/s", size / plain, "cat of the files"),
    ]


async def _add_pictures(environment: Environment, folder: Path) -> list[str]:
    """Let the first items end with a picture each; return the paths of the files."""
    database, paths = Database(sqlalchemy_url(environment.database_url)), list[str]()
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        chosen = connection.execute(
            f"SELECT id, caller_id FROM jobs ORDER BY id LIMIT {PICTURES}".encode()
        ).fetchall()
        ids = [row[0] for row in chosen]
        connection.execute(
            "UPDATE jobs SET status = 'succeeded', finished_at = now() WHERE id = ANY(%s)", (ids,)
        )
    assets = list[NewAsset]()
    for job_id, caller_id in chosen:
        content = os.urandom(SIZE)
        digest = hashlib.sha256(content).hexdigest()
        key = content_key(digest, "png")
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        paths.append(str(path))
        assets.append(
            NewAsset(
                caller_id=caller_id,
                job_id=job_id,
                token=digest[:24],
                key=key,
                sha256=digest,
                content_type="image/png",
                extension="png",
                width=512,
                height=512,
                bytes=SIZE,
                source_url=None,
                created_at=now(),
            )
        )
    async with database.writing() as connection:
        await insert_assets(connection, assets)
    await database.close()
    return paths


def _progress(environment: Environment, api: httpx.Client) -> Sequence[Figure]:
    """Read a campaign with a million items, as clients poll it."""
    _grow(environment)
    api.post("/campaigns/bench/pause").raise_for_status()
    times = []
    for _ in range(TIMES):
        began = perf_counter()
        document = api.get("/campaigns/bench").raise_for_status().json()
        times.append(1000 * (perf_counter() - began))
    assert document["items"]["total"] >= MANY, document["items"]
    times.sort()
    return [
        Figure("progress of 1,000,000 items, p50", times[len(times) // 2], "ms", goal=50, at_most=True),
        Figure("progress of 1,000,000 items, the slowest of 50", times[-1], "ms"),
    ]


def _grow(environment: Environment) -> None:
    """Copy the items, without jobs, until there are a million; triggers count them."""
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        cursor = connection.execute("SELECT * FROM campaign_items LIMIT 1")
        own = ("id", "key", "position", "job_id", "state", "ended_at")
        names = [each.name for each in cursor.description or () if each.name not in own]
        given = ", ".join(names)
        statement = (
            f"INSERT INTO campaign_items (id, key, position, job_id, state, ended_at, {given}) "
            f"SELECT gen_random_uuid(), 'more-' || n, {ROWS} + n, NULL, "
            f"CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'made' END, now(), {given} "
            f"FROM (SELECT * FROM campaign_items LIMIT 1) AS one, generate_series(1, {MANY - ROWS}) AS n"
        )
        connection.execute(statement.encode())
        connection.execute(f"UPDATE campaigns SET expected_items = {MANY}".encode())
        connection.execute("VACUUM ANALYZE campaign_items")
