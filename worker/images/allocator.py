"""Memory allocator of the C library: large blocks go back to the operating system once they are freed.

By default, glibc serves blocks of up to 32 MiB from its heap once one of that size was freed, and keeps
them: a worker that held a few pictures at a time stays at several times their size.
"""

import ctypes

from worker.images.limits import MIB

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h; to set it ends its growth: mallopt(3)
_LARGE = MIB  # bytes


def return_large_blocks() -> None:
    """Map each large block on its own from now on. It changes nothing where the C library is not glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, _LARGE)
