"""Sample campaign of the demo: submitted over the public API, with a progress bar."""

import threading
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.output import shortened
from darkroom_client import Darkroom, DarkroomError, Job, NewJob
from models.clock import now

MODEL = "practice"
PROMPTS: Sequence[tuple[str, str]] = (
    ("A lighthouse in a snowstorm, its beam cutting through the blue hour", "2:3"),
    ("An old astronomer's desk: brass, star charts, cold tea", "3:2"),
    ("Koi under the first autumn leaves, seen from above", "1:1"),
    ("雨后的江南小巷，青石板上映着红灯笼", "2:3"),
    ("A fox asleep in a field of moonlit barley", "3:2"),
    ("The last tram home, rain on the window, neon in the puddles", "16:9"),
    ("Still life: three lemons, a chipped blue bowl, morning light", "1:1"),
    ("A library inside a hollow redwood, spiral stairs, fireflies", "2:3"),
    ("Ein Heißluftballon über dem Wattenmeer bei Ebbe", "3:2"),
    ("Desert observatory under the Milky Way, one lit window", "16:9"),
    ("Paper boats on a flooded street, sepia, 1936", "1:1"),
    ("A tiny dragon guarding a teapot, watercolour", "1:1"),
)
_POLL_INTERVAL = 0.25  #: seconds
_TIMEOUT = 5.0  #: seconds to end


class Campaign:
    """Submits and watches the sample jobs, in a thread beside the API."""

    def __init__(self, url: str, key: str, pictures: Path, console: Console, *, login: str = "") -> None:
        self._url, self._key, self._pictures, self._console = url, key, pictures, console
        self._login = login
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="campaign", daemon=True)

    def start(self) -> None:
        """Start, once the API accepts requests."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_TIMEOUT)

    def _run(self) -> None:
        self._console.print(f"[bold]Darkroom[/] serves {self._url}, with the practice provider.")
        self._console.print("Log in to the dashboard by this link, which works once:")
        self._console.print(f"  {self._login}\n", soft_wrap=True, highlight=False)
        try:
            with Darkroom(self._url, self._key) as client:
                self._show(self._watch(client, self._submit(client)))
        except DarkroomError as error:
            if not self._ended.is_set():
                self._console.print(f"The sample campaign failed: {error}")

    def _submit(self, client: Darkroom) -> str:
        name = f"demo-{now():%Y%m%d-%H%M%S}"
        jobs = [NewJob(model=MODEL, prompt=prompt, size=size, campaign=name) for prompt, size in PROMPTS]
        if refused := client.submit_many(jobs).rejected:
            raise DarkroomError(refused[0].message)
        return name

    def _watch(self, client: Darkroom, name: str) -> list[Job[Any]]:
        """Wait until all jobs are finished; return them in the order of the prompts."""
        columns = (
            TextColumn("Generating"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TextColumn("pictures"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as progress:
            bar = progress.add_task("", total=len(PROMPTS))
            for _ in count():
                jobs = list(client.jobs.list(limit=len(PROMPTS), campaign=name))
                done = sum(job.is_final for job in jobs)
                progress.update(bar, completed=sum(_share(job) for job in jobs))
                if done == len(PROMPTS) or self._ended.wait(_POLL_INTERVAL):
                    break
        order = {prompt: place for place, (prompt, _) in enumerate(PROMPTS)}
        return sorted(jobs, key=lambda job: order.get(job.prompt, 0))

    def _show(self, jobs: Sequence[Job[Any]]) -> None:
        """Print where the images are and what to try next."""
        if self._ended.is_set():
            return
        out = self._console
        failed = [job for job in jobs if not job.succeeded]
        out.print(f"{len(jobs) - len(failed)} of {len(jobs)} pictures are ready:")
        for job in jobs:
            address = job.pictures[0].url if job.pictures else job.status
            out.print(f"  {address}  [dim]{shortened(job.prompt, 44)}[/]", soft_wrap=True, overflow="ignore")
        out.print(f"\nFolder  {self._pictures}", soft_wrap=True)
        out.print(f"API     {self._url}/docs", soft_wrap=True)
        out.print(f"Key     {self._key}", soft_wrap=True)
        out.print(f"\nGenerate one more:\n{curl(self._url, self._key)}", soft_wrap=True, markup=False)
        out.print("\nCtrl-C ends it.")


def _share(job: Job[Any]) -> float:
    """Return the progress of a job from 0 to 1, so that the bar moves during generation."""
    return 1.0 if job.is_final else min(job.progress, 99) / 100


def curl(url: str, key: str) -> str:
    """Return a curl command that submits a job and waits for it."""
    return (
        f"curl -sS {url}/v1/jobs -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' "
        f"""-H 'Prefer: wait=30' -d '{{"model": "{MODEL}", "prompt": "a cat in a darkroom"}}'"""
    )
