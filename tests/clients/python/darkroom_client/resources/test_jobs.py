"""Operations on jobs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients.python.scripted_transport import URL, a_job, body_of, client_on, ok

RESULT = {"matched": 3, "eligible": 2, "changed": 0, "samples": ["job_1"], "more": False}


def page(numbers: range, following: str | None) -> Any:
    return ok({"data": [a_job(number) for number in numbers], "next": following})


def test_jobs_are_read_page_by_page_up_to_the_limit() -> None:
    client, transport = client_on(page(range(100), "job_99"), page(range(100, 120), "job_119"))
    assert len(list(client.jobs.list(limit=120, status=["held", "failed"], model=None))) == 120
    assert [request.url for request in transport.requests] == [
        f"{URL}/v1/jobs?status=held,failed&limit=100",
        f"{URL}/v1/jobs?status=held,failed&before=job_99&limit=20",
    ]


def test_without_a_limit_all_pages_are_read_and_the_last_one_ends_the_list() -> None:
    client, transport = client_on(page(range(100), "job_99"), page(range(3), None))
    assert len(list(client.jobs.list(created_after=datetime(2026, 1, 1, tzinfo=UTC)))) == 103
    assert len(transport.requests) == 2
    assert "created_after=2026-01-01T00%3A00%3A00%2B00%3A00" in transport.requests[0].url


@pytest.mark.parametrize("verb", ["retry", "cancel", "delete"])
def test_many_jobs_are_changed_by_ids_or_by_conditions(verb: str) -> None:
    client, transport = client_on(ok(RESULT))
    change = getattr(client.jobs, f"{verb}_many")
    assert change(campaign="night-1", dry_run=True, expected_count=0).eligible == 2
    change(ids=["job_1"])
    assert [request.url for request in transport.requests] == [f"{URL}/v1/jobs/{verb}"] * 2
    assert [body_of(request) for request in transport.requests] == [
        {"filter": {"campaign": "night-1"}, "dry_run": True, "expected_count": 0},
        {"ids": ["job_1"]},
    ]


def test_held_jobs_are_decided() -> None:
    refused = [{"id": "job_2", "code": "conflict", "message": "No."}]
    client, transport = client_on(ok({"changed": 1, "unchanged": 0, "refused": refused, "more": True}))
    decision = client.jobs.fail_many(ids=["job_1", "job_2"], reason="made elsewhere")
    assert (decision.changed, decision.refused[0].id, decision.more) == (1, "job_2", True)
    client.jobs.release_many(campaign="night-1")
    assert [body_of(request) for request in transport.requests] == [
        {"ids": ["job_1", "job_2"], "reason": "made elsewhere"},
        {"filter": {"campaign": "night-1"}},
    ]


def test_what_is_left_is_counted_with_its_eta() -> None:
    eta = {"p50": 10, "p90": None, "limiting_factor": "rate_limit"}
    client, _ = client_on(ok({"remaining": {"queued": 3}, "calls_last_minute": 2, "eta": eta}))
    found = client.jobs.eta(campaign="night-1")
    assert (found.remaining, found.eta.p50, found.eta.p90) == ({"queued": 3}, 10.0, None)
