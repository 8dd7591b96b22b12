"""Options of a job, as members of the request."""

from pathlib import Path

import pytest

from api.cli.exit_codes import CommandFailed
from api.cli.job_options import NO_OPTIONS, JobOptions
from models.states import OnUnknown


def test_what_is_not_given_is_not_sent() -> None:
    assert NO_OPTIONS.members() == {}


def test_what_is_given_is_sent_also_a_zero() -> None:
    given = JobOptions(
        image=("https://a/b.png",),
        tag=("x", "y"),
        metadata=("shoot=spring",),
        param=("seed=7",),
        priority=0,
        on_unknown=OnUnknown.RETRY_ONCE,
        expires_in="15m",
        allow_unserved=True,
    )
    assert given.members() == {
        "images": ["https://a/b.png"],
        "tags": ["x", "y"],
        "metadata": {"shoot": "spring"},
        "params": {"seed": 7},
        "priority": 0,
        "on_unknown": "retry_once",
        "expires_in": 900.0,
        "allow_unserved": True,
    }


def test_a_file_is_checked_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="--image"):
        JobOptions(image=(str(tmp_path / "none.png"),)).members()
