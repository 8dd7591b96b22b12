"""Web pages in place of an answer are told apart by their words and their status."""

import pytest

from tests.worker.upstream.bodies import page
from worker.upstream.errors.own_text import own_text_of_job
from worker.upstream.errors.web_pages import is_blocked, is_page, kind_of_page


@pytest.mark.parametrize(
    ("title", "body", "kind"),
    [
        ("Just a moment...", "", "waf_blocked"),
        ("x", "Error 1015: you are being rate limited", "rate_limited"),
        ("502 Bad Gateway", "", "upstream_page"),
        ("504 Gateway Time-out", "", "gateway_timeout"),
        ("系统维护中", "", "maintenance"),
        ("Welcome", "", "wrong_endpoint"),
    ],
)
def test_a_page_is_classified(title: str, body: str, kind: str) -> None:
    assert kind_of_page(page(title, body).decode()) == kind


def test_a_firewall_may_answer_with_a_line_of_text() -> None:
    assert is_blocked("error code: 1020")
    assert not is_blocked("error code: 1015")
    assert not is_page("error code: 1020")


def test_a_page_that_repeats_the_prompt_is_no_firewalls() -> None:
    prompt = "a red poster with the words access denied, in a dark hallway"
    repeated = page("Bad request", f"can't draw: {prompt}").decode()
    assert is_blocked(repeated)
    assert not is_blocked(repeated, own_text_of_job("m", prompt, {}))
    assert kind_of_page(repeated, own_text_of_job("m", prompt, {})) == "wrong_endpoint"
