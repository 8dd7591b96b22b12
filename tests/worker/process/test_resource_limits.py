"""Limits of a child process: what it may take, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

_CHILD = """
from worker.process.resource_limits import limit_resources
limit_resources(cpu=1, memory=100 * 2**20, file_size=1000)
"""


@pytest.mark.parametrize(
    ("work", "error"),
    [
        ("len(bytes(200 * 2**20))", "MemoryError"),
        ("with open(sys.argv[1], 'wb') as file: file.write(bytes(20_000))", "File too large"),
    ],
)
def test_a_child_that_takes_more_fails(work: str, error: str, tmp_path: Path) -> None:
    code = f"import sys\n{_CHILD}\n{work}"
    found = subprocess.run([sys.executable, "-c", code, f"{tmp_path}/file"], capture_output=True, text=True)
    assert (found.returncode, error in found.stderr) == (1, True)
