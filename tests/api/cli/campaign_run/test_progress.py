"""Progress on one line: counts, rate, time left, spend, failures."""

from typing import Any

import pytest

from api.cli.campaign_run.progress import EndRate, RunProgress, progress_words
from darkroom_client.campaigns.values import CampaignState, read_campaign


def a_state(status: str = "running", *, eta: float | None = None, **counts: int) -> CampaignState:
    money: dict[str, Any] = {
        "currency": "USD",
        "limit": "20",
        "settled": "1.5",
        "reserved": "0",
        "unknown": "0",
    }
    return read_campaign(
        {
            "name": "spring",
            "status": status,
            "items": {"total": sum(counts.values()), "by_status": counts},
            "money": money,
            "eta": {"p50": eta, "p90": eta} if eta else None,
        }
    )


def test_the_line_has_counts_rate_time_left_spend_and_failures() -> None:
    words = progress_words(a_state(made=30, failed=2, waiting=68), 34.0, written=28)
    assert words == ("30 of 100 made, 2 failed, 28 written, 34/min, about 2 min left, 1.5 of 20 USD spent")


def test_the_server_s_estimate_outranks_the_rate() -> None:
    assert "about 10 min left" in progress_words(a_state(made=1, waiting=9, eta=600), 1.0)


def test_a_pause_is_named_and_a_finished_campaign_has_no_time_left() -> None:
    paused = a_state("awaiting_approval", made=3, waiting=3)
    assert progress_words(paused, None).endswith("awaiting approval")
    assert "left" not in progress_words(a_state("finished", made=3), 60.0)


def test_the_rate_is_that_of_the_last_minute() -> None:
    now = 0.0
    meter = EndRate(lambda: now)
    assert meter.per_minute is None
    for second, ended in ((0, 0), (30, 100), (60, 100), (90, 130), (120, 160)):
        now = float(second)
        meter.add(ended)
    assert meter.per_minute == pytest.approx(60.0)


def test_without_a_terminal_a_changed_state_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with RunProgress() as progress:
        for made in range(5):
            progress.show(a_state(made=made, waiting=9 - made))
        progress.show(a_state("finished", made=9))
        progress.show(a_state("finished", made=9))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" made")[0] for line in lines] == ["0 of 9", "9 of 9"]
