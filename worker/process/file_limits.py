"""Limit of open files (RLIMIT_NOFILE): raised as far as the system allows, and the slots that fit into it."""

import resource

_UNLIMITED = 65_536  #: files, where the system sets no limit
_BASE = 100  #: files of a worker without calls: libraries, sockets, logs, locks, threads of the broker
_PER_SLOT = 2  #: the call's connection, and a download with its file


def raise_file_limit() -> int:
    """Raise the soft limit to the hard one, and return how many files may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = max(soft, _UNLIMITED) if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    except (ValueError, OSError):  # the system has a lower limit of its own
        return soft
    return files


def files_of(slots: int, *, database_pool: int) -> int:
    """Return how many files a worker with so many slots may open."""
    return _BASE + database_pool + _PER_SLOT * slots


def fitting_slots(files: int, *, database_pool: int) -> int:
    """Return how many slots fit into a limit of open files, at least one."""
    return max((files - _BASE - database_pool) // _PER_SLOT, 1)
