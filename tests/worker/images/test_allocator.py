"""Allocator: the memory of large blocks is returned."""

import subprocess
import sys

import pytest

_MEASURE = """
import os
from worker.images.allocator import return_large_blocks
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
return_large_blocks()
before, small = resident(), []
for _ in range(3):
    large = []
    for _ in range(16):
        large.append(b"x" * (8 << 20))
        small.append(b"x" * (64 << 10))  # keeps what is below it from being returned
    del large
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and sets glibc's allocator")
def test_memory_of_freed_pictures_is_returned() -> None:
    run = subprocess.run([sys.executable, "-c", _MEASURE], capture_output=True, check=True, text=True)
    assert int(run.stdout) < 40 << 20
