"""Repeated warnings are one line with a count."""

import logging

from worker.process.repeated_logs import RepeatedLogs


def record(message: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("a", level, "a.py", 1, message, (), None)


def test_repetitions_are_left_out_and_counted() -> None:
    now = [0.0]
    repeated = RepeatedLogs(window=60, clock=lambda: now[0])
    passed = [repeated.filter(record(f"retrying in {number}.00 s")) for number in range(50)]
    assert passed == [True] + [False] * 49
    now[0] = 61
    last, event = record("retrying in 9 s"), record({"event": "lost", "job": "x"})
    assert repeated.filter(last)
    assert last.getMessage() == "retrying in 9 s (repeated 49 times)"
    assert repeated.filter(event)
    assert not repeated.filter(record({"event": "lost", "job": "x", "timestamp": "later"}))
    now[0] = 122
    assert repeated.filter(event)
    assert event.msg == {"event": "lost", "job": "x", "repeated": 1}


def test_lines_about_different_jobs_and_lines_below_a_warning_are_all_logged() -> None:
    repeated = RepeatedLogs(clock=lambda: 0.0)
    assert all(repeated.filter(record({"event": "lost", "job": letter})) for letter in "abc")
    assert all(repeated.filter(record("ready", logging.INFO)) for _ in range(3))


def test_only_so_many_lines_are_remembered() -> None:
    repeated = RepeatedLogs(clock=lambda: 0.0)
    for number in range(2000):
        repeated.filter(record("x" * number))
    assert not repeated.filter(record("x" * 1999))
    assert repeated.filter(record("x"))


def test_lines_that_differ_in_their_context_alone_are_repetitions() -> None:
    repeated = RepeatedLogs(clock=lambda: 0.0)
    lines = [record({"event": "away", "job": letter, "_context": ["job"]}) for letter in "abc"]
    assert [repeated.filter(line) for line in lines] == [True, False, False]
