"""The verbs of a person's decision about a job that nobody has in hand (its other verbs: ``lifecycle``)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from models.queries.bulk import storable
from models.queries.transitions import Move
from models.states import JobStatus


def released(job: Row[Any], *, at: datetime) -> Move:
    """Call a held job again, on purpose: at least once more, in the same generation."""
    changes = {
        "max_attempts": max(job.max_attempts, job.attempts_used + 1),
        "not_before": at,
        "backing_off": False,
        "progress": 0,
        "answer": None,
        "error": None,
        "expires_at": job.expires_at if job.expires_at and job.expires_at > at else None,
    }
    return Move(
        job.id, JobStatus.HELD, JobStatus.QUEUED, at, changes=changes, detail="released: called again"
    )


def given_up(job: Row[Any], reason: str, *, at: datetime) -> Move:
    """End a held job without another call; its error keeps what it was held for."""
    error = job.error or {"code": "unknown", "message": ""}
    words = f"Given up by its caller{f': {storable(reason)}' if reason else ''}."
    changes = {"error": {**error, "message": f"{words} {error['message']}".strip()}, "finished_at": at}
    return Move(job.id, JobStatus.HELD, JobStatus.FAILED, at, changes=changes, detail=words)


def found_later(job: Row[Any], answer: Mapping[str, Any], text: str, number: int, *, at: datetime) -> Move:
    """Bring home the pictures that were found in the kept answer of call ``number``. Nothing is called."""
    changes = {
        "answer": answer,
        "text": job.text or storable(text) or None,
        "store_tries": 0,
        "not_before": at,
        "backing_off": False,
        "error": None,
        "finished_at": None,
    }
    why = f"pictures were found in the kept answer of call {number}; nothing is paid again"
    return Move(
        job.id, JobStatus(job.status), JobStatus.STORING, at, changes=changes, detail=why, restart=True
    )
