"""``darkroom`` with a clock that is wrong by as much as a file says, and with storage that hangs.

``python -m tests.chaos.launcher work`` reads two variables. ``CHAOS_CLOCK`` names a file with the seconds by
which the clock of this process is ahead. While the file that ``CHAOS_HANG`` names exists, ``fsync`` does not
return, as on a network file system whose server is away.
"""

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import models.clock
from api.cli.app import main

_TICK = 0.05  # seconds


def stepped(clock: Callable[[], datetime], offset: Path) -> Callable[[], datetime]:
    """Return a clock that is ahead by the seconds in a file."""
    return lambda: clock() + timedelta(seconds=float(offset.read_text()))


def hanging(call: Callable[[int], None], sign: Path) -> Callable[[int], None]:
    """Return a call that does not begin while a file exists."""

    def wait_and_call(file: int) -> None:
        while sign.exists():
            time.sleep(_TICK)
        call(file)

    return wait_and_call


if __name__ == "__main__":
    models.clock.now = stepped(models.clock.now, Path(os.environ["CHAOS_CLOCK"]))
    os.fsync = hanging(os.fsync, Path(os.environ["CHAOS_HANG"]))
    main()
