"""What is heard while an answer streams: written down at once."""

import asyncio
from typing import Any

from sqlalchemy import Row

from worker.lifecycle import handled, progressed
from worker.tasks.context import Workbench
from worker.upstream.handles import Handles

_PAUSE = 0.5  # seconds between two progress writes of one job


class Listener:
    """Writes progress to the job, and to its attempt by what a lost answer could be asked for again."""

    def __init__(self, bench: Workbench, job: Row[Any]) -> None:
        self._bench, self._job = bench, job
        self._loop = asyncio.get_running_loop()
        self._last = 0.0
        self.percent = 0  #: as the job shows it
        self.handles = Handles()  #: as far as they are known

    def progress(self, percent: int) -> None:
        """Show how far the picture is, at most twice a second."""
        if self._loop.time() - self._last >= _PAUSE and 0 < percent < 100:
            self._last, self.percent = self._loop.time(), percent
            self._bench.writer.post(progressed(self._job, percent, at=self._bench.tools.clock()))

    def handle(self, handles: Handles) -> None:
        """Note handles before anything can happen to us."""
        self.handles = handles
        if handles.recoverable:
            self._bench.writer.post(handled(self._job, self._job.next_number, handles.to_json()))
