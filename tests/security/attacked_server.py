"""A Darkroom in a process of its own, watched while it is attacked: its memory, and how it serves others."""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.api.service import ADMIN, ALICE, BOB
from tests.support.processes import Process, free_port

_IDLE = 2.0  # seconds of a bystander's requests before the attack
_EVERY = 0.01  # seconds between the requests of a bystander
MEMORY = 300.0  #: MB that one client may add
STALL = 0.25  #: seconds that one client may delay others


@dataclass
class Watch:
    """What an attack did to the process."""

    before: float = 0.0  #: MB of memory
    peak: float = 0.0  #: MB of memory
    idle: float = (
        0.0  #: seconds of the slowest answer to a bystander before the attack: the machine's own load
    )
    stall: float = 0.0  #: seconds of the slowest answer to a bystander
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def added(self) -> float:
        """MB that were added."""
        return self.peak - self.before

    @property
    def held(self) -> bool:
        """Whether both limits held."""
        return self.added < MEMORY and self.stall - self.idle < STALL

    def line(self, name: str, inputs: int) -> str:
        """Return a row of the table."""
        held = "held" if self.held else "NOT HELD"
        figures = f"{self.added:+7.0f} MB  {self.stall * 1000:6.0f} ms (idle {self.idle * 1000:.0f})"
        return f"{name:40} {inputs:8} inputs  {held:8}  {figures}"


class AttackedServer:
    """``darkroom up`` on SQLite."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"DARKROOM_API_KEYS": f"{ALICE},{BOB}", "DARKROOM_ADMIN_KEYS": ADMIN}
        command = [str(Path(sys.executable).with_name("darkroom")), "up", "--port", str(self.port)]
        environment = _without_settings(os.environ) | own | settings
        self.process = Process(
            [*command, "--data", str(folder)], folder / "log", environment=environment, folder=folder
        )

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.process.start()
        self.process.wait_ready(self._answers, within=60)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """Watch memory and a bystander's requests while the block runs."""
        watch = Watch(before=self._memory())
        threads = [threading.Thread(target=each, args=(watch,)) for each in (self._measure, self._stand_by)]
        for thread in threads:
            thread.start()
        time.sleep(_IDLE)
        watch.idle, watch.stall = watch.stall, 0.0
        try:
            yield watch
        finally:
            watch.ended.set()
            for thread in threads:
                thread.join()

    def _measure(self, watch: Watch) -> None:
        while not watch.ended.wait(_EVERY):
            watch.peak = max(watch.peak, self._memory())

    def _stand_by(self, watch: Watch) -> None:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            client.get("/healthz")
            while not watch.ended.wait(_EVERY):
                start = time.monotonic()
                client.get("/healthz")
                watch.stall = max(watch.stall, time.monotonic() - start)

    def _memory(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:", 1)[1].split()[0]) / 1024


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("DARKROOM_")}
