"""Tables, and text made to fit them."""

import io
import json

import pytest

from api.cli.output import Printer, SafeConsole, say, shortened, write_json
from api.cli.render.jobs import JOB_COLUMNS, job_cells
from tests.api.cli.scripted_server import a_job


def printed(*, width: int = 140) -> tuple[Printer, io.StringIO]:
    """Return a printer for people and its output."""
    out = io.StringIO()
    return Printer(SafeConsole(file=out, width=width, highlight=False), as_json=False), out


WHOLE = "job_01h455vb4pex5vsknk084sn02q"
HELD = (WHOLE, "10m", "connection_lost", "maybe charged", "r" * 24, "a-model", "night-campaign", "why " * 9)


def test_an_id_is_whole_where_there_is_room_and_else_a_beginning_that_commands_accept() -> None:
    job = a_job(1, id=WHOLE, prompt="a long prompt " * 20)
    for width, shown in ((140, WHOLE), (60, WHOLE[:16])):
        printing, out = printed(width=width)
        printing.table("jobs", JOB_COLUMNS, [(job, job_cells(job))])
        assert out.getvalue().splitlines()[1].split()[0] == shown


def test_a_narrow_terminal_leaves_out_columns_in_their_order_and_keeps_request_ids() -> None:
    columns = ("ID", "SINCE", "CODE", "COST", "REQUEST ID", "MODEL", "CAMPAIGN", "DETAIL")
    for width, left_out in ((80, {"DETAIL", "CAMPAIGN", "MODEL"}), (200, set())):
        printing, out = printed(width=width)
        printing.table("held jobs", columns, [({}, HELD)], optional=("DETAIL", "CAMPAIGN", "MODEL"))
        heading, line, *further = out.getvalue().splitlines()
        assert {column for column in columns if column not in heading} == left_out
        assert WHOLE[:16] in line
        assert sum(text.count("r") for text in (line, *further)) >= 24  # a request id is folded, not cut
        assert len(line) <= width


def test_a_name_that_commands_take_is_shown_whole_before_a_column_that_can_be_left_out() -> None:
    printing, out = printed(width=50)
    cells = ("demo-20261130-151534", "finished", "57", "2026-11-30 15:15:57Z")
    printing.table("campaigns", ("NAME", "STATUS", "MADE", "CHANGED"), [({}, cells)], optional=("CHANGED",))
    assert out.getvalue().splitlines()[1].split() == [*cells[:3]]


def test_a_long_price_and_its_source_leave_the_model_in_the_table() -> None:
    printing, out = printed(width=80)
    columns = ("MODEL", "CHANNEL", "PRICE", "CURRENCY", "SOURCE")
    cells = ("gpt-image-1", "official", "tokens: text_in 5, " * 5, "USD", "https://provider.example/" * 3)
    printing.table("prices", columns, [({}, cells)], optional=("SOURCE",))
    heading, line = out.getvalue().splitlines()
    assert heading.split() == [*columns[:4]]
    assert line.startswith("gpt-image-1  official  tokens: text_in 5")


def test_an_empty_table_is_a_sentence() -> None:
    printing, out = printed()
    printing.table("jobs", JOB_COLUMNS, [])
    assert out.getvalue() == "No jobs.\n"


def test_long_texts_become_one_short_line() -> None:
    assert shortened("a\nb  c", 10) == "a b c"
    assert shortened("a" * 20, 10) == "a" * 9 + "…"


def test_a_narrow_terminal_shortens_prompts_instead_of_breaking_lines() -> None:
    printing, out = printed(width=80)
    job = a_job(1, id="job_01h455vb4pex5vsknk084sn02q", prompt="a long prompt " * 9, status="succeeded")
    printing.table("jobs", JOB_COLUMNS, [(job, job_cells(job))])
    assert len(out.getvalue().splitlines()) == 2
    assert "succeeded" in out.getvalue()


HOSTILE = "a\x1b[2J\x9b31m\x07b\u202ec"


def test_control_characters_of_a_prompt_are_shown_in_a_table_and_not_obeyed() -> None:
    printing, out = printed()
    job = a_job(1, prompt=HOSTILE)
    printing.table("jobs", JOB_COLUMNS, [(job, job_cells(job))])
    printing.record({}, HOSTILE)
    assert not set(out.getvalue()) & {"\x1b", "\x9b", "\x07", "\u202e"}
    assert "\\x1b[2J" in out.getvalue()


def test_control_characters_are_escaped_in_messages_and_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    write_json({"prompt": HOSTILE})
    printed_out, printed_err = capsys.readouterr()
    assert not set(printed_out + printed_err) & {"\x1b", "\x9b", "\x07", "\u202e"}
    assert json.loads(printed_out) == {"prompt": HOSTILE}


def test_styles_of_our_own_still_reach_a_terminal() -> None:
    out = io.StringIO()
    SafeConsole(file=out, force_terminal=True, color_system="standard").print("[red]no[/red]")
    assert "\x1b[31m" in out.getvalue()
