"""Tables for people."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from api.cli.output import Printer, shortened
from api.cli.render.jobs import JOB_COLUMNS, age, job_cells, job_view
from tests.api.cli.servers import a_job, an_asset


def printed(*, width: int = 140) -> tuple[Printer, io.StringIO]:
    out = io.StringIO()
    return Printer(Console(file=out, width=width, highlight=False), as_json=False), out


def test_a_table_has_a_line_per_job_with_what_is_to_be_known() -> None:
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


def test_an_id_is_never_broken_so_that_it_can_be_copied() -> None:
    printing, out = printed(width=60)
    job = a_job(1, id="job_01h455vb4pex5vsknk084sn02q", prompt="a long prompt " * 20)
    printing.table("jobs", JOB_COLUMNS, [(job, job_cells(job))])
    assert "job_01h455vb4pex5vsknk084sn02q" in out.getvalue()


def test_an_id_is_whole_beside_many_columns_on_a_narrow_terminal() -> None:
    printing, out = printed(width=80)
    whole = "job_01h455vb4pex5vsknk084sn02q"
    columns = ("ID", "MODEL", "CAMPAIGN", "SINCE", "CODE", "COST", "REQUEST ID", "DETAIL")
    cells = (
        whole,
        "a-model",
        "night-campaign",
        "10m",
        "connection_lost",
        "maybe charged",
        "r" * 40,
        "why " * 9,
    )
    printing.table("held jobs", columns, [({}, cells)])
    assert whole in out.getvalue()


def test_nothing_is_said_in_words() -> None:
    printing, out = printed()
    printing.table("jobs", JOB_COLUMNS, [])
    assert out.getvalue() == "No jobs.\n"


def test_what_others_wrote_is_not_read_as_markup() -> None:
    printing, out = printed()
    job = a_job(prompt="[red]a cat[/] [link]", text="[/]")
    printing.table("jobs", JOB_COLUMNS, [(job, job_cells(job))])
    printing.record(job, job_view(job))
    assert out.getvalue().count("[red]a cat[/] [link]") == 2


def test_one_job_shows_its_attempts_pictures_and_error() -> None:
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


def test_long_texts_become_one_short_line() -> None:
    assert shortened("a\nb  c", 10) == "a b c"
    assert shortened("a" * 20, 10) == "a" * 9 + "…"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (-5, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (172_800, "2d")]
)
def test_an_age_is_told_in_its_largest_unit(seconds: int, shown: str) -> None:
    born = datetime(2026, 1, 1, tzinfo=UTC)
    assert age("2026-01-01T00:00:00.000Z", born + timedelta(seconds=seconds)) == shown


def test_a_narrow_terminal_shortens_prompts_instead_of_breaking_lines() -> None:
    printing, out = printed(width=80)
    job = a_job(1, id="job_01h455vb4pex5vsknk084sn02q", prompt="a long prompt " * 9, status="succeeded")
    printing.table("jobs", JOB_COLUMNS, [(job, job_cells(job))])
    assert len(out.getvalue().splitlines()) == 2
    assert "succeeded" in out.getvalue()
