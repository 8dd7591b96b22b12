"""The practice provider as a process, and its call log."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.support.processes import Process, until


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the provider saw it; times are of ``time.monotonic()``."""

    prompt: str
    received: float
    finished: float | None
    aborted: bool
    outcome: str = ""
    charged: bool = False
    key_hash: str | None = None
    idempotency_key: str | None = None

    def in_flight(self, moment: float, *, slack: float = 0.5) -> bool:
        """Return whether the call was in flight at that moment, give or take ``slack`` seconds."""
        return self.received <= moment + slack and (self.finished is None or self.finished >= moment - slack)


class Practice:
    """A provider of tiny images, each after ``delay`` seconds (``"1-3"``: a range)."""

    def __init__(self, folder: Path, *, delay: float | str) -> None:
        arguments = ["--picture", "tiny", "--delay", str(delay)]
        code = f"from worker.practice.server import main; main({arguments!r})"
        self.process = Process([sys.executable, "-c", code], folder / "practice.log", folder=folder)
        self.url = ""

    def start(self) -> None:
        """Start and read the address."""
        self.process.start()
        self.process.wait_ready(lambda: self.process.log_tail().endswith("\n"))
        self.url = str(orjson.loads(self.process.log_tail())["url"])

    def calls(self) -> list[Call]:
        """Return all calls so far."""
        return [
            Call(**{field.name: each[field.name] for field in fields(Call)})
            for each in self._ledger("")["calls"]
        ]

    def call_counts(self) -> Counter[str]:
        """Return how often each prompt was called."""
        return Counter(call.prompt for call in self.calls())

    def set_conditions(self, **members: Any) -> None:
        """Apply conditions (``worker/practice/conditions.py``)."""
        answer = httpx.post(
            f"{self.url}/practice/weather", json=members, trust_env=False, verify=False, timeout=10
        )
        assert answer.status_code == 200, answer.text

    def wait_in_flight(self, calls: int) -> float:
        """Wait until so many calls are in flight; returns that moment."""
        until(
            lambda: self._ledger("?calls=0")["in_flight"] >= calls,
            within=60,
            what=f"{calls} calls are in flight",
            every=0.02,
        )
        return time.monotonic()

    def wait_finished(self, calls: int) -> None:
        """Wait until so many calls are over."""
        until(
            lambda: sum(call.finished is not None for call in self.calls()) >= calls,
            within=60,
            what=f"{calls} calls are answered",
        )

    def _ledger(self, query: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.url}/ledger{query}", trust_env=False, verify=False, timeout=10)
        answer.raise_for_status()
        return dict(answer.json())
