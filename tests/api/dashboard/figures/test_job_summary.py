"""Summaries of jobs: spans are never negative, costs are summed by currency."""

from datetime import UTC, datetime, timedelta
from typing import Any

from api.dashboard.figures.job_summary import cost_of, path_of, summary_of, thumbnail_of

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def job(**members: object) -> dict[str, object]:
    """Return a job's document."""
    created = {"created_at": "2026-11-30T11:59:00Z", "finished_at": None}
    return {**created, "attempts": [], "assets": [], **members}


def test_a_job_without_a_call_waits_until_now() -> None:
    found = summary_of(job(), NOW)
    assert (found.waited, found.ran, found.picture) == (timedelta(minutes=1), None, None)


def test_a_job_with_a_call_waited_until_it_and_ran_from_the_last() -> None:
    calls = [
        {"started_at": "2026-11-30T11:59:10Z", "cost": None, "currency": None},
        {"started_at": "2026-11-30T11:59:30Z", "cost": "0.10", "currency": "USD"},
    ]
    found = summary_of(job(attempts=calls, finished_at="2026-11-30T11:59:40Z"), NOW)
    assert (found.waited, found.ran) == (timedelta(seconds=10), timedelta(seconds=10))


def test_clocks_that_disagree_make_no_negative_span() -> None:
    assert summary_of(job(created_at="2026-11-30T12:00:05Z"), NOW).waited == timedelta()


def test_costs_are_summed_by_currency() -> None:
    amounts = (("0.1", "USD"), ("0.2", "USD"), ("1", "CNY"))
    calls = [{"cost": cost, "currency": currency} for cost, currency in amounts]
    assert cost_of(calls) == {"USD": "0.3", "CNY": "1"}


def test_pictures_are_loaded_from_the_pages_own_host() -> None:
    assert path_of("https://img.example/assets/t/0.png") == "/assets/t/0.png"
    asset: dict[str, Any] = {"url": "https://img.example/assets/t/0.png", "thumbnails": None}
    assert thumbnail_of(asset) == "/assets/t/0.png"
    asset["thumbnails"] = {"320": {"url": "https://img.example/assets/t/0-320.webp"}}
    assert thumbnail_of(asset) == "/assets/t/0-320.webp"
    assert thumbnail_of(asset, 960) == "/assets/t/0.png"
