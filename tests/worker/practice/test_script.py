from worker.practice.fault_injection import cut, drip, stall, stream_error, unfinished
from worker.practice.responses import Message, document_script, final_line, progress_lines, stream_script
from worker.practice.script import PING, Script, Step, merge_steps, with_pings


def stream(delay: float = 6) -> Script:
    return stream_script(Message("![image](u)"), number=1, model="m", style="percent", delay=delay)


def text(script: Script) -> bytes:
    return b"".join(step.data for step in script.steps)


def test_long_silences_are_filled_with_comments() -> None:
    assert list(with_pings([Step(25, b"x")], 10)) == [Step(10, PING), Step(10, PING), Step(5, b"x")]


def test_steps_that_nothing_separates_are_one() -> None:
    assert merge_steps([Step(0, b"a"), Step(0, b"b"), Step(1, b"c"), Step(0, b"d")]) == (
        Step(0, b"ab"),
        Step(1, b"cd"),
    )
    assert merge_steps([Step(2, b"a"), Step(0, b"b")]) == (Step(2, b"ab"),)
    assert merge_steps([]) == ()


def test_a_stream_takes_its_delay_and_ends_with_done() -> None:
    script = stream(delay=6)

    assert abs(sum(step.after for step in script.steps) - 6) < 1e-9
    assert text(script).startswith(PING)
    assert text(script).endswith(b"data: [DONE]\n\n")
    assert script.steps[-3].data.count(b"![image](u)") == 1


def test_cumulative_numbers_grow_into_one_line_that_links_the_picture() -> None:
    said = "".join(progress_lines("cumulative")) + final_line("cumulative", "https://example.com/a.png")

    assert ">🏃 Progress 7..18..34..58..79..[100](https://example.com/a.png)" in said


def test_a_cut_document_announces_more_than_it_sends() -> None:
    script = cut(document_script(b"0123456789", delay=2))

    assert script.content_length == 10
    assert script.steps == (Step(2, b"01234"),)
    assert script.end == "drop"


def test_an_unfinished_stream_says_done_without_a_picture() -> None:
    script = unfinished(stream())

    assert b"![image]" not in text(script)
    assert text(script).endswith(b"data: [DONE]\n\n")
    assert script.end == "clean"


def test_a_stalled_stream_falls_silent_for_ever() -> None:
    assert stall(stream()).end == "hang"


def test_an_error_takes_the_place_of_the_picture() -> None:
    assert b'"error"' in text(stream_error(stream()))
    assert b"![image]" not in text(stream_error(stream()))


def test_a_drip_sends_everything_piece_by_piece() -> None:
    script = stream(delay=6)
    dripped = drip(script, 0.5)

    assert text(dripped) == text(script)
    assert len(dripped.steps) >= 20
    assert {step.after for step in dripped.steps[1:]} == {0.5}
