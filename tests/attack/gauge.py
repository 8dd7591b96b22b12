"""Gauge: memory of the attacked process, and the waits of another client, while an attack runs."""

import threading
import time
from typing import Self

import httpx
import psutil

_SAMPLE = 0.05  # seconds between two samples of the memory
_PROBE = 0.02  # seconds between two requests of the other client
_LONGEST = 30.0  # seconds that the other client waits for one response
_SETTLE = 0.5  # seconds before the first sample, and after the attack


class Gauge:
    """Measures between entering and leaving. The other client has a key of its own."""

    def __init__(self, pid: int, url: str, key: str) -> None:
        self._process, self._url, self._key = psutil.Process(pid), url, key
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._watch_memory, self._probe)]
        self.before = 0.0
        self.peak = 0.0
        self.stall = 0.0  #: ms, the slowest response
        self.failures = 0  #: responses of the other client that were none, or errors of the server

    def __enter__(self) -> Self:
        time.sleep(_SETTLE)
        self.before = self.peak = self._memory()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(_SETTLE)
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def rise(self) -> float:
        """MB by which the memory rose at the peak."""
        return max(self.peak - self.before, 0.0)

    def _memory(self) -> float:
        """Return MB in use by the process and its children."""
        total = 0.0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                total += process.memory_info().rss / 1e6
            except psutil.Error:
                continue
        return total

    def _watch_memory(self) -> None:
        while not self._ended.wait(_SAMPLE):
            try:
                self.peak = max(self.peak, self._memory())
            except psutil.Error:
                return

    def _probe(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx.Client(headers=headers, trust_env=False, timeout=_LONGEST) as client:
            while not self._ended.wait(_PROBE):
                began = time.monotonic()
                try:
                    ok = client.get(f"{self._url}/v1/jobs?limit=1").status_code == 200
                except httpx.TransportError:
                    ok = False
                self.failures += not ok
                self.stall = max(self.stall, (time.monotonic() - began) * 1000)
