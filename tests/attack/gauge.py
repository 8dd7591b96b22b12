"""Gauge: memory of the attacked process, and the waits of other clients there and at a twin meanwhile.

The twin is the same installation, which nobody attacks: what its clients wait for is the machine.
"""

import threading
import time
from typing import Self

import psutil

from tests.attack.bystander import Bystander, Waits

_SAMPLE = 0.05  # seconds between two samples of the memory
_SETTLE = 0.5  # seconds before the first sample, and after the attack


class Gauge:
    """Measures between entering and leaving, with a client of the attacked process and one of the twin."""

    def __init__(self, pid: int, here: Bystander, there: Bystander) -> None:
        self._process, self._here, self._there = psutil.Process(pid), here, there
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._watch_memory)
        self.before = 0.0
        self.peak = 0.0
        self.waits = self.baseline = Waits(0, 0, 0)  #: of the attacked process, of the twin at the same time

    def __enter__(self) -> Self:
        time.sleep(_SETTLE)
        self.before = self.peak = self._memory()
        self._here.waits()
        self._there.waits()
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(_SETTLE)
        self._ended.set()
        self._sampler.join()
        self.waits, self.baseline = self._here.waits(), self._there.waits()

    @property
    def rise(self) -> float:
        """MB by which the memory rose at the peak."""
        return max(self.peak - self.before, 0.0)

    def _memory(self) -> float:
        """Return MB in use by the process and its children; what they share is counted once."""
        total = 0.0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                total += process.memory_full_info().pss / 1e6
            except psutil.Error:
                continue
        return total

    def _watch_memory(self) -> None:
        while not self._ended.wait(_SAMPLE):
            try:
                self.peak = max(self.peak, self._memory())
            except psutil.Error:
                return
