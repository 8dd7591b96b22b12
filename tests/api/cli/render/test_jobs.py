"""Jobs, queue positions and ETAs as tables and text."""

import io
from typing import Any

import pytest
from rich.console import Console

from api.cli.output import Printer
from api.cli.render.jobs import JOB_COLUMNS, estimate_view, eta_words, job_cells, job_detail, job_view
from tests.api.cli.scripted_server import a_job, an_asset

Printed = pytest.CaptureFixture[str]


def printed(*, width: int = 140) -> tuple[Printer, io.StringIO]:
    """Return a printer for people and its output."""
    out = io.StringIO()
    return Printer(Console(file=out, width=width, highlight=False), as_json=False), out


def test_a_table_has_one_line_per_job_with_its_detail() -> None:
    printing, out = printed()
    jobs = [
        a_job(1, status="succeeded", assets=[an_asset("http://x/0.png")]),
        a_job(2, status="failed", error={"code": "quota", "message": "The balance is empty."}),
        a_job(3, waiting={"reason": "rate_limit", "detail": "60 calls a minute"}),
        a_job(4, status="running", progress=40),
    ]
    printing.table("jobs", JOB_COLUMNS, [(job, job_cells(job)) for job in jobs])
    lines = out.getvalue().splitlines()
    for name, detail in (
        ("job_1", "1 image"),
        ("job_2", "quota: The balance is empty."),
        ("job_3", "60 calls a minute"),
        ("job_4", "40 %"),
    ):
        assert any(line.startswith(name) and detail in line for line in lines)


def test_one_job_shows_its_attempts_images_and_error() -> None:
    printing, out = printed()
    attempt = {"number": 1, "channel": "c", "outcome": "retry", "error_code": "rate_limited"}
    job = a_job(
        status="failed",
        attempts=[{**attempt, "http_status": 429, "billed": "no"}],
        assets=[an_asset("http://x/0.png")],
        error={"code": "rate_limited", "message": "Too many.", "provider_message": "slow down"},
    )
    printing.record(job, job_view(job))
    for part in ("1 on c, retry, rate_limited, HTTP 429, billed: no", "http://x/0.png", "slow down"):
        assert part in out.getvalue()


def test_prompts_and_texts_are_not_interpreted_as_markup() -> None:
    printing, out = printed()
    job = a_job(prompt="[red]a cat[/] [link]", text="[/]")
    printing.table("jobs", JOB_COLUMNS, [(job, job_cells(job))])
    printing.record(job, job_view(job))
    assert out.getvalue().count("[red]a cat[/] [link]") == 2


def test_a_queued_job_shows_its_queue_position_and_eta(capsys: Printed) -> None:
    eta = {"p50": 250.0, "p90": 8000, "p50_at": None, "p90_at": None, "limiting_factor": "rate_limit"}
    waiting = {"reason": "fair_share", "detail": "others are before it", "next_eligible_at": None}
    job = a_job(1, waiting=waiting, queue_position=1234, queue_position_capped=False, eta=eta)
    Console(width=120, force_terminal=False).print(job_view(job))
    shown = capsys.readouterr().out
    assert "starts as number 1,234" in shown
    assert "in about 4 min, in 9 of 10 cases within 2 h 13 min; the rate limit takes longest" in shown


@pytest.mark.parametrize(
    ("remaining", "p50", "words"),
    [
        ({"queued": 9000, "running": 8, "held": 0}, 200_000, "9,000 queued, 8 running; 31 calls"),
        ({"queued": 9000, "running": 8, "held": 0}, 200_000, "in about 2 d 7 h"),
        ({"queued": 1}, None, "unknown yet (paused)"),
        ({"queued": 0}, None, "Nothing is left to do."),
    ],
)
def test_the_remaining_jobs_of_a_campaign_are_described(
    remaining: dict[str, int], p50: float | None, words: str
) -> None:
    factor = "rate_limit" if p50 else "paused"
    eta = {"p50": p50, "p90": p50, "limiting_factor": factor}
    assert words in estimate_view({"remaining": remaining, "calls_last_minute": 31, "eta": eta})


def test_the_time_a_job_expires_is_shown_only_while_it_is_queued() -> None:
    printing, out = printed()
    for status in ("queued", "running"):
        job = a_job(status=status, expires_at="2026-01-02T00:00:00.000Z")
        printing.record(job, job_view(job))
    assert out.getvalue().count("2026-01-02 00:00:00Z") == 1


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"status": "succeeded", "assets": [an_asset("u"), an_asset("v")]}, "2 images"),
        ({"status": "storing", "progress": 90}, "90 %"),
        ({"waiting": {"reason": "paused", "detail": None}}, "paused"),
        ({"error": {"code": "quota", "message": "x" * 100}, "status": "running"}, f"quota: {'x' * 52}…"),
        ({"status": "cancelled"}, ""),
    ],
)
def test_the_detail_of_a_job_is_its_error_wait_progress_or_images(
    members: dict[str, Any], detail: str
) -> None:
    assert job_detail(a_job(**members)) == detail


def test_an_eta_below_a_second_is_one_second() -> None:
    assert eta_words({"p50": 0.2, "p90": 45.3, "limiting_factor": "call"}).startswith(
        "in about 1 s, in 9 of 10 cases within 45 s; the call itself"
    )


def test_jobs_that_only_wait_for_a_decision_have_no_eta() -> None:
    found = {"remaining": {"held": 2}, "calls_last_minute": 0, "eta": None}
    assert "they wait for a person's decision" in estimate_view(found)


def test_capped_counts_say_at_least() -> None:
    found = {"remaining": {"queued": 5000}, "queued_capped": True, "calls_last_minute": 0, "eta": None}
    assert estimate_view(found).startswith("at least 5,000 queued;")
