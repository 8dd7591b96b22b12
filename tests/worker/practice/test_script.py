from worker.practice.script import PING, Step, merge_steps, with_pings


def test_long_silences_are_filled_with_comments() -> None:
    assert list(with_pings([Step(25, b"x")], 10)) == [Step(10, PING), Step(10, PING), Step(5, b"x")]


def test_steps_that_nothing_separates_are_one() -> None:
    assert merge_steps([Step(0, b"a"), Step(0, b"b"), Step(1, b"c"), Step(0, b"d")]) == (
        Step(0, b"ab"),
        Step(1, b"cd"),
    )
    assert merge_steps([Step(2, b"a"), Step(0, b"b")]) == (Step(2, b"ab"),)
    assert merge_steps([]) == ()
