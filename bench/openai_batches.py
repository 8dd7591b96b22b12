"""Batches of the OpenAI API: from the upload of 50,000 lines to their output file, without provider calls."""

import json
from collections.abc import Sequence
from time import monotonic, perf_counter, sleep

import httpx
import psycopg

from bench.campaigns import Peak
from bench.figures import Figure
from bench.servers import KEY, Servers

LINES = 50_000
_SHOWN = 0.1  # seconds between looks
_TIMEOUT = 1_200  # seconds
_ENDPOINT = "/v1/images/generations"
_SUCCEED = """
INSERT INTO assets
    (id, caller_id, job_id, position, token, key, sha256, content_type, extension, width, height, bytes,
    created_at)
SELECT gen_random_uuid(), caller_id, id, 0, md5(id::text), md5(id::text), repeat('0', 64), 'image/png', 'png',
    1024, 1024, 1, now() FROM jobs;
UPDATE jobs SET status = 'succeeded', finished_at = now()
"""


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure them on PostgreSQL; the jobs are ended by a statement, as if their calls had taken no time."""
    with servers.environment() as environment:
        port = environment.start_api()
        worker = environment.start_worker("http://127.0.0.1:1", slots=1)
        api = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/v1",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=600,
            trust_env=False,
        )
        api.post("/channels/upstream/pause")
        peak = Peak(environment.processes[0].pid)
        began = perf_counter()
        batch = _create(api)
        _wait(api, batch, "in_progress")
        read = perf_counter() - began
        end = monotonic() + _TIMEOUT
        while environment.count("SELECT count(*) FROM jobs") < LINES:
            assert monotonic() < end, worker.log_tail()
            sleep(_SHOWN)
        with psycopg.connect(environment.database_url, autocommit=True) as connection:
            connection.execute(_SUCCEED.encode())
        began = perf_counter()
        ended = _wait(api, batch, "completed")
        written = perf_counter() - began
        content = api.get(f"/files/{ended['output_file_id']}/content").raise_for_status().content
        assert content.count(b"\n") == LINES, content[:300]
        peak.end()
    return [
        Figure("batch of 50,000 lines: uploaded, checked and imported", LINES / read, "lines/s"),
        Figure("batch of 50,000 lines: output file written", LINES / written, "lines/s"),
        Figure("memory of the API process at its peak", peak.most, "MB", goal=300, at_most=True),
    ]


def _create(api: httpx.Client) -> str:
    body = {"model": "bench", "darkroom": {"allow_unserved": True}, "size": "1024x1024", "quality": "high"}
    lines = (
        {"custom_id": f"k{n}", "method": "POST", "url": _ENDPOINT, "body": body | {"prompt": f"product {n}"}}
        for n in range(LINES)
    )
    content = "\n".join(map(json.dumps, lines)).encode()
    file = api.post("/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)})
    asked = {
        "input_file_id": file.raise_for_status().json()["id"],
        "endpoint": _ENDPOINT,
        "completion_window": "24h",
    }
    made: str = api.post("/batches", json=asked).raise_for_status().json()["id"]
    return made


def _wait(api: httpx.Client, batch: str, status: str) -> dict[str, str]:
    """Wait until a batch has a status."""
    end = monotonic() + _TIMEOUT
    while True:
        shown: dict[str, str] = api.get(f"/batches/{batch}").raise_for_status().json()
        assert shown["status"] != "failed", shown
        assert monotonic() < end, shown
        if shown["status"] == status:
            return shown
        sleep(_SHOWN)
