"""How calls and failures are written down."""

from datetime import datetime
from typing import Any
from uuid import UUID

from models.outcomes import Outcome, Verdict
from models.queries.bulk import storable


def ending(
    job_id: UUID, number: int, verdict: Verdict, *, at: datetime, request_id: str | None
) -> dict[str, Any]:
    """Describe how an attempt ended, for its row."""
    return {
        "job_id": job_id,
        "number": number,
        "finished_at": at,
        "outcome": verdict.outcome,
        "error_code": verdict.code,
        "http_status": verdict.provider_status,
        "provider_request_id": storable(request_id)[:200] if request_id else None,
        "provider_message": storable(verdict.provider_message)[:2000] if verdict.provider_message else None,
        "billed": verdict.billed,
    }


def amendment(job_id: UUID, number: int, verdict: Verdict) -> dict[str, Any]:
    """Describe what became of an attempt whose end was unknown, for its row."""
    return {
        "job_id": job_id,
        "number": number,
        "outcome": verdict.outcome,
        "error_code": verdict.code,
        "provider_message": storable(verdict.provider_message)[:2000] if verdict.provider_message else None,
        "billed": verdict.billed,
    }


def error_of(verdict: Verdict, *, retryable: bool, message: str | None = None) -> dict[str, Any]:
    """Describe a failure as callers see it."""
    return {
        "code": verdict.code or "unknown",
        "message": storable(message or verdict.message),
        "outcome": verdict.outcome,
        "retryable": retryable or verdict.outcome in (Outcome.RETRY, Outcome.AMBIGUOUS),
        "provider_status": verdict.provider_status,
        "provider_message": storable(verdict.provider_message) if verdict.provider_message else None,
    }
