"""Limits of a child process that works on files of others: the operating system enforces them."""

import os
from math import ceil

try:
    import resource
except ImportError:  # there is none on Windows
    resource = None  # type: ignore[assignment]

_NICENESS = 5  # of the child: calls and requests come first when processors are short


def limit_resources(*, cpu: int, memory: int, file_size: int | None = None) -> None:
    """Limit this process, and let others of the machine go before it.

    ``cpu``: seconds of processor time from now on; ``memory``: bytes of data; ``file_size``: bytes of a file
    that it writes. A process beyond its time is killed; beyond its memory an allocation fails.
    """
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, ceil(used.ru_utime + used.ru_stime) + cpu)
    _lower(resource.RLIMIT_DATA, memory)
    _lower(resource.RLIMIT_CORE, 0)
    if file_size is not None:
        _lower(resource.RLIMIT_FSIZE, file_size)
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
