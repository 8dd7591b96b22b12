"""The target: `darkroom up` as a process on a temporary folder, with the practice and a hostile provider.

Beside it runs its twin, which nobody attacks.
"""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx

from models.api_keys import new_key
from tests.attack.bystander import Bystander
from tests.attack.gauge import Gauge
from tests.attack.provider import HostileProvider
from tests.attack.result import MOST_MEMORY, Result
from tests.support.fleet import COMMAND, environment, serves
from tests.support.practice import Practice
from tests.support.processes import Process, free_port, until

FINAL = frozenset({"succeeded", "failed", "cancelled", "expired", "held"})  #: what a job stays in by itself
_RUNS = 3  # of one class at most
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
        self.port, twin_port = free_port(), free_port()
        self.url, self.twin_url = (f"http://127.0.0.1:{port}" for port in (self.port, twin_port))
        self.up = self._installation("up", self.port)
        self._twin = self._installation("twin", twin_port)
        self._bystanders: list[Bystander] = []  #: of the target, and of the twin
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
        for process, url in ((self.up, self.url), (self._twin, self.twin_url)):
            self._cleanup.callback(process.end)
            process.start()
            process.wait_ready(lambda url=url: serves(url), within=90)  # type: ignore[misc]
            self._bystanders.append(Bystander(url, self.bob))
            self._cleanup.callback(self._bystanders[-1].end)

    def _installation(self, name: str, port: int) -> Process:
        variables = environment(
            "", self.folder, api_keys=f"{self.alice},{self.bob}", admin_keys=self.admin, secret_key=new_key()
        )
        for each in [each for each in variables if "UPSTREAM" in each or each.endswith("ALLOW_PRIVATE")]:
            del variables[each]
        variables |= {"DARKROOM_LOG_JSON": "true", "DARKROOM_WORKER_SLOTS": "50"}
        return Process(
            [COMMAND, "up", "--port", str(port), "--data", str(self.folder / name)],
            self.folder / f"{name}.log",
            environment=variables,
            folder=self.folder,
        )

    def client(self, key: str | None, *, timeout: float = 60) -> httpx.Client:
        """Return an HTTP client with a key, or without one."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=timeout)

    def measured(self, attack: Callable[["Target"], Result], *, stall: float) -> Result:
        """Run an attack from alice while bob works; add what it did to memory and to bob.

        If all that was not held is a stall, it is run again, up to three times in all: one that the attack
        causes comes back, and one by which a busy machine held up this process and not its twin does not.
        """
        for left in reversed(range(_RUNS)):
            result = self._measured_once(attack, stall=stall)
            if not left or [*result.breaches] != [_stall_words(result)]:
                break
        return result

    def _measured_once(self, attack: Callable[["Target"], Result], *, stall: float) -> Result:
        with Gauge(self.up.pid, *self._bystanders) as gauge:
            result = attack(self)
        if result.skipped:
            return result
        breaches = list(result.breaches)
        if self.up.ended is not None:
            breaches.append(f"the process ended with {self.up.ended}")
        if gauge.rise > MOST_MEMORY:
            breaches.append(f"memory rose by {gauge.rise:,.0f} MB")
        result = replace(
            result, memory=gauge.rise, stall=gauge.waits.slowest, baseline=gauge.baseline.slowest
        )
        if result.stall - result.baseline > stall:
            breaches.append(_stall_words(result))
        if gauge.waits.failures:
            breaches.append(f"{gauge.waits.failures} requests of another client failed")
        return replace(result, breaches=breaches)

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
        files = [self.folder / "up.log", *(self.folder / "up").rglob("*")]
        return "\n".join(path.read_bytes().decode("latin-1") for path in files if path.is_file())


def _stall_words(result: Result) -> str:
    waited = f"another client waited {result.stall:,.0f} ms"
    return f"{waited}, and {result.baseline:,.0f} ms without the attack"
