"""Fault injection: broken scripts made of good ones."""

from worker.practice.fault_injection import FAULTS, cut, drip, invalid_json, stall, stream_error, unfinished
from worker.practice.responses import Message, document_script, stream_script
from worker.practice.script import Script, Step


def stream(delay: float = 6) -> Script:
    return stream_script(Message("![image](u)"), number=1, model="m", style="percent", delay=delay)


def text(script: Script) -> bytes:
    return b"".join(step.data for step in script.steps)


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


def test_malformed_json_is_sent_after_the_whole_delay() -> None:
    script = invalid_json(document_script(b"{}", delay=2))

    assert script.steps[0].after == 2
    assert b"![image](htt" in text(script)
    assert not text(script).endswith(b"}")


def test_a_fault_of_a_document_keeps_its_status() -> None:
    document = document_script(b"0123456789", delay=0)
    assert {inject(document).status for inject in FAULTS.values()} == {200}
