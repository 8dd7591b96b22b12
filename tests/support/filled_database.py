"""A database with twenty thousand jobs, distributed as in production use."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import create_engine, insert
from sqlalchemy import text as sql

from migrations import synchronous
from models.ids import new_id
from models.tables import assets, attempts, callers, channels, events, jobs, workers

ROWS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = ("gpt-4o-image", "nano-banana", "flux-kontext")
_SHARES = (  # of a hundred jobs
    *["succeeded"] * 80,
    *["queued"] * 10,
    *["failed"] * 4,
    *["cancelled"] * 2,
    "running",
    "leased",
    "storing",
    "held",
)


def key(kind: str, number: int) -> UUID:
    """Return the same key for the same thing, in no order."""
    return UUID(bytes=hashlib.blake2b(f"{kind}{number}".encode(), digest_size=16).digest())


def job_id(number: int) -> UUID:
    """Return the id of a job: a UUIDv7 of its time."""
    milliseconds = int(START.timestamp() * 1000) + 100 * number
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | key("job", number).int >> 66)


CALLERS = [key("caller", number) for number in range(6)]
RARE = CALLERS[5]  # has come once in a thousand times
WORKERS = [key("worker", number) for number in range(3)]
CHANNEL = key("channel", 0)


def fill_database(url: str, *, analyze: bool) -> None:
    """Fill a migrated database, and let it take statistics if wanted."""
    engine = create_engine(synchronous(url))
    try:
        with engine.begin() as connection:
            connection.execute(insert(callers), [_caller(number) for number in range(len(CALLERS))])
            connection.execute(insert(channels), [_channel()])
            connection.execute(insert(workers), [_worker(number) for number in range(len(WORKERS))])
            rows = [_job(number) for number in range(ROWS)]
            connection.execute(insert(jobs), rows)
            done = [row for row in rows if row["status"] == "succeeded"]
            connection.execute(insert(assets), [_asset(number, row) for number, row in enumerate(done)])
            connection.execute(insert(attempts), [_attempt(row) for row in done])
            connection.execute(insert(events), [_event(row) for row in rows])
            if analyze:
                connection.execute(sql("ANALYZE"))
    finally:
        engine.dispose()


def _caller(number: int) -> dict[str, Any]:
    return {
        "id": CALLERS[number],
        "name": f"caller {number}",
        "key_hash": CALLERS[number].bytes * 2,
        "key_hint": "dk_a…b",
        "admin": False,
        "created_at": START,
    }


def _channel() -> dict[str, Any]:
    return {
        "id": CHANNEL,
        "name": "one",
        "configured": True,
        "models": ["*"],
        "concurrency": 500,
        "blocked_models": {},
        "updated_at": START,
    }


def _worker(number: int) -> dict[str, Any]:
    beat = START + timedelta(hours=1)
    return {
        "id": WORKERS[number],
        "name": f"worker {number}",
        "version": "1",
        "slots": 200,
        "started_at": START,
        "heartbeat_at": beat,
    }


def _job(number: int) -> dict[str, Any]:
    draw = int.from_bytes(hashlib.blake2b(str(number).encode(), digest_size=8).digest())
    status = _SHARES[draw % 100]
    at = START + timedelta(milliseconds=100 * number)
    held = status in ("running", "leased") or (status == "storing" and draw % 3 > 0)
    return {
        "id": job_id(number),
        "caller_id": CALLERS[min(draw >> 8 & 7, 4)] if number % 1000 else RARE,
        "surface": "rest",
        "campaign": f"campaign {number // 4000}" if draw >> 12 & 1 else None,
        "status": status,
        "revision": 1,
        "generation": 1,
        "model": MODELS[min(draw >> 16 & 3, 2)],
        "prompt": f"a cat, number {number}, with a few words more, as prompts have",
        "request": {"images": [], "size": None, "n": None, "params": {}},
        "tags": [],
        "metadata": {},
        "priority": 0 if draw >> 20 & 3 else 5,
        "max_attempts": 3,
        "on_unknown": "hold",
        "not_before": at,
        "backing_off": False,
        "progress": 0,
        "attempts_used": 0,
        "store_tries": 0,
        "worker_id": WORKERS[draw % 3] if held else None,
        "channel_id": CHANNEL if held else None,
        "lease_token": new_id() if held else None,
        "created_at": at,
        "updated_at": at,
    }


def _asset(number: int, job: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "caller_id": job["caller_id"],
        "job_id": job["id"],
        "position": 0,
        "token": f"token-{number}",
        "key": f"pictures/{number}",
        "sha256": "0" * 64,
        "content_type": "image/png",
        "extension": "png",
        "width": 64,
        "height": 64,
        "bytes": 100,
        "created_at": job["created_at"],
    }


def _attempt(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "job_id": job["id"],
        "number": 1,
        "generation": 1,
        "channel": "one",
        "worker_id": WORKERS[0],
        "sent_at": job["created_at"],
        "finished_at": job["created_at"],
        "outcome": "success",
        "billed": "yes",
    }


def _event(job: dict[str, Any]) -> dict[str, Any]:
    return {"job_id": job["id"], "revision": 1, "status": "queued", "progress": 0, "at": job["created_at"]}
