"""``darkroom jobs explain``: the archived answers of a job."""

from collections.abc import Callable

import pytest

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_a_job_that_is_not_there_is_said_to_be_missing(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("migrate") == 0
    assert darkroom("jobs", "explain", "job_01h455vb4pex5vsknk084sn02q") == 4
    assert "no job job_01h455vb4pex5vsknk084sn02q" in capsys.readouterr().err


def test_an_id_of_something_else_can_not_be_read(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("migrate") == 0
    assert darkroom("jobs", "explain", "channel_1") == 1
    assert "can't be read" in capsys.readouterr().err
