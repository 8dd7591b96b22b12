"""The archive of deleted jobs."""

import pytest
import zstandard

from tests.worker.leased import NOW
from worker.retention.job_archive import archive_key, unpack


def test_objects_are_filed_by_day() -> None:
    key = archive_key(NOW)
    assert key.startswith("archive/jobs/2026/01/02/")
    assert key.endswith(".jsonl.zst")
    assert archive_key(NOW) != key


@pytest.mark.parametrize("content", [b"", b"no archive", zstandard.compress(b'{"a": 1}\n')])
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        list(unpack(content))
