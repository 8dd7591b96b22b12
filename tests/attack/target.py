"""The target: `darkroom up` as a process on a temporary folder, with the practice and a hostile provider."""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx

from models.api_keys import new_key
from tests.attack.gauge import Gauge
from tests.attack.provider import HostileProvider
from tests.attack.result import MOST_MEMORY, Result
from tests.support.fleet import COMMAND, environment, serves
from tests.support.practice import Practice
from tests.support.processes import Process, free_port, until

FINAL = frozenset({"succeeded", "failed", "cancelled", "expired", "held"})  #: what a job stays in by itself
_CHANNEL = """
[[channels]]
name = "{name}"
base_url = "{url}"
api_key = "{key}"
models = ["{name}-*"]
concurrency = 16
stream = "off"
"""


class Target:
    """One installation: callers alice and bob, and an admin."""

    def __init__(self, folder: Path, *, namespace: bool) -> None:
        self.folder, self.namespace = folder, namespace
        self.alice, self.bob, self.admin = new_key(), new_key(), new_key()
        self.provider_key = f"sk-live/{secrets.token_urlsafe(24)}+="
        self.provider = HostileProvider(namespace=namespace)
        self.practice = Practice(folder, delay=0)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.up: Process
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        self._cleanup.callback(self.provider.stop)
        self._cleanup.callback(self.practice.process.end)
        with self._cleanup:
            self._start()
            self._cleanup = self._cleanup.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _start(self) -> None:
        self.provider.start()
        self.practice.start()
        channels = (
            ("practice", self.practice.url, "practice"),
            ("hostile", self.provider.url, self.provider_key),
        )
        text = "".join(_CHANNEL.format(name=name, url=url, key=key) for name, url, key in channels)
        (self.folder / "darkroom.toml").write_text(text)
        variables = environment(
            "", self.folder, api_keys=f"{self.alice},{self.bob}", admin_keys=self.admin, secret_key=new_key()
        )
        for name in [name for name in variables if "UPSTREAM" in name or name.endswith("ALLOW_PRIVATE")]:
            del variables[name]
        variables |= {"DARKROOM_LOG_JSON": "true", "DARKROOM_WORKER_SLOTS": "50"}
        self.up = Process(
            [COMMAND, "up", "--port", str(self.port), "--data", str(self.folder / "data")],
            self.folder / "up.log",
            environment=variables,
            folder=self.folder,
        )
        self._cleanup.callback(self.up.end)
        self.up.start()
        self.up.wait_ready(lambda: serves(self.url), within=90)

    def client(self, key: str | None, *, timeout: float = 60) -> httpx.Client:
        """Return an HTTP client with a key, or without one."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=timeout)

    def measured(self, attack: Callable[["Target"], Result], *, stall: float) -> Result:
        """Run an attack from alice while bob works; add what it did to memory and to bob."""
        with Gauge(self.up.pid, self.url, self.bob) as gauge:
            result = attack(self)
        if result.skipped:
            return result
        breaches = list(result.breaches)
        if self.up.ended is not None:
            breaches.append(f"the process ended with {self.up.ended}")
        if gauge.rise > MOST_MEMORY:
            breaches.append(f"memory rose by {gauge.rise:,.0f} MB")
        if gauge.stall > stall:
            breaches.append(f"another client waited {gauge.stall:,.0f} ms")
        if gauge.failures:
            breaches.append(f"{gauge.failures} requests of another client failed")
        return replace(result, breaches=breaches, memory=gauge.rise, stall=gauge.stall)

    def submit(self, client: httpx.Client, prompt: str, **members: Any) -> httpx.Response:
        """Submit one job to the hostile provider."""
        job = {"model": "hostile-image", "prompt": prompt, "max_attempts": 1, "on_unknown": "fail"}
        return client.post("/v1/jobs", json={**job, **members})

    def settled(self, client: httpx.Client, job_id: str, *, within: float = 90) -> dict[str, Any]:
        """Wait until a job has ended, and return it."""

        def ended() -> dict[str, Any] | None:
            job: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").json()
            return job if job.get("status") in FINAL else None

        return dict(until(ended, within=within, what=f"{job_id} ends", every=0.1))

    def all_output(self) -> str:
        """Return what the process has written: log, database and archived files, as text."""
        files = [self.folder / "up.log", *(self.folder / "data").rglob("*")]
        return "\n".join(path.read_bytes().decode("latin-1") for path in files if path.is_file())
