"""Darkroom beside its peers: calls of two seconds, a thousand in flight, on the same provider."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from bench.campaign import run_jobs
from bench.figures import Figure
from bench.in_flight import SECONDS, SLOTS
from bench.servers import Environment, Servers
from tests.support.processes import Process, until

_JOBS = 4_000
_LONGEST = 120  # seconds that the jobs of a peer may take
_FOLDER = Path(__file__).parent
_ROOT = _FOLDER.parent.parent
_VENV = _ROOT / "build" / "peers"
_TABLE = "CREATE TABLE peer_jobs (id int PRIMARY KEY, status text, path text, finished_at timestamptz)"
_MODULE = "bench.peers."


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer: the command of its worker, and the module that sends jobs to it; ``None``: a loop."""

    name: str
    worker: Sequence[str]
    sender: str | None = None
    prepare: Sequence[str] = ()


def _celery(pool: str, width: int) -> Peer:
    worker = ["celery", "-A", f"{_MODULE}celery_tasks", "worker", "-P", pool, "-c", str(width), "-l", "error"]
    return Peer(f"plain Celery, {pool}, {width:,}", worker, "celery_tasks")


_PROCRASTINATE = ["python", "-m", "procrastinate", f"--app={_MODULE}procrastinate_tasks.app"]
PEERS = (
    Peer("asyncio loop with aiohttp, no database", ["python", "-m", f"{_MODULE}asyncio_loop"]),
    Peer("LiteLLM acompletion, no database", ["python", "-m", f"{_MODULE}litellm_loop"]),
    _celery("threads", SLOTS),
    _celery("gevent", SLOTS),
    _celery("prefork", 64),
    Peer(
        "procrastinate with aiohttp",
        [*_PROCRASTINATE, "worker", "--concurrency", str(SLOTS)],
        "procrastinate_tasks",
        [*_PROCRASTINATE, "schema", "--apply"],
    ),
    Peer(
        "dramatiq, threads",
        f"dramatiq {_MODULE}dramatiq_tasks --processes 1 --threads {SLOTS}".split(),
        "dramatiq_tasks",
    ),
    Peer(
        "taskiq with aiohttp",
        f"taskiq worker {_MODULE}taskiq_tasks:broker --workers 1 --max-async-tasks {SLOTS}".split(),
        "taskiq_tasks",
    ),
)


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure Darkroom, then each peer; the first run installs the peers into ``build/peers``."""
    _install()
    figures: list[Figure] = []
    with servers.environment() as environment:
        run = run_jobs(environment, environment.start_worker(_provider(environment), slots=SLOTS), _JOBS)
    figures += _figures("Darkroom", run.steady, run.cpu, run.memory)
    for peer in PEERS:
        print(f"{peer.name}, load average before: {os.getloadavg()[0]:.1f}", flush=True)
        with servers.environment() as environment:
            try:
                figures += _figures(peer.name, *_run(peer, environment))
            except (AssertionError, subprocess.CalledProcessError) as problem:
                print(f"{peer.name} was not measured: {problem}", flush=True)
    return figures


def _install() -> None:
    """Make the environment of the peers, if it is not there."""
    if not (_VENV / "bin" / "celery").exists():
        subprocess.run([sys.executable, "-m", "venv", _VENV], check=True)
        pip = [_VENV / "bin" / "python", "-m", "pip", "install", "-q"]
        subprocess.run([*pip, "-r", _FOLDER / "requirements.txt"], check=True)


def _provider(environment: Environment) -> str:
    return environment.start_practice(delay=SECONDS, picture="tiny", deliver="images_field", progress="none")


def _run(peer: Peer, environment: Environment) -> tuple[float, float, float]:
    """Run all jobs; return jobs/s over the middle half, ms of processor time per job, and MB."""
    folder = environment.folder / "peer"
    folder.mkdir()
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        connection.execute(_TABLE)
        connection.execute(
            "INSERT INTO peer_jobs SELECT id, 'queued' FROM generate_series(0, %s::int) id", (_JOBS,)
        )
    variables = {
        key: value for key, value in os.environ.items() if not key.startswith(("DARKROOM_", "PYTHON"))
    }
    variables |= {
        "PEER_URL": _provider(environment),
        "PEER_DATABASE": environment.database_url,
        "PEER_BROKER": environment.broker_url,
        "PEER_FOLDER": str(folder),
        "PEER_JOBS": str(_JOBS),
    }

    def command(line: Sequence[str]) -> list[str]:
        return [str(_VENV / "bin" / line[0]), *line[1:]]

    def start(line: Sequence[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command(line), cwd=_ROOT, env=variables)

    if peer.prepare:
        start(peer.prepare).wait(_LONGEST)
    worker = Process(
        command(peer.worker), folder / "worker.log", environment=variables, folder=_ROOT, forks=False
    )
    environment.processes.append(worker)
    worker.start()
    try:
        return _measure(peer, environment, worker, folder, start)
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{worker.log_tail()[-1000:]}") from None


def _measure(
    peer: Peer,
    environment: Environment,
    worker: Process,
    folder: Path,
    start: Callable[[list[str]], "subprocess.Popen[bytes]"],
) -> tuple[float, float, float]:
    def send(first: int, end: int) -> "subprocess.Popen[bytes]":
        return start(["python", "-m", _MODULE + str(peer.sender), str(first), str(end)])

    def ended() -> int:
        if peer.sender is None:
            results = folder / "results.jsonl"
            return results.read_bytes().count(b"\n") if results.exists() else 0
        return environment.count("SELECT count(*) FROM peer_jobs WHERE status = 'succeeded'")

    sending: subprocess.Popen[bytes] | None = None
    if peer.sender is None:
        until((folder / "ready").exists, within=60, what="the loop is ready")
    else:  # one job shows that the worker is ready
        sending = send(_JOBS, _JOBS + 1)
        sending.wait(_LONGEST)
        until(ended, within=60, what="the first job ends")
    before, watched = ended(), psutil.Process(worker.pid)
    spent, memory, seen = _processor_seconds(watched), 0.0, []
    if peer.sender is None:
        (folder / "go").touch()
    else:
        sending = send(0, _JOBS)

    def all_ended() -> bool:
        nonlocal memory
        seen.append((time.monotonic(), ended() - before))
        with_children = [watched, *watched.children(recursive=True)] if watched.is_running() else []
        memory = max(memory, sum(each.memory_full_info().pss / 2**20 for each in with_children))
        return seen[-1][1] >= _JOBS

    try:
        until(all_ended, within=_LONGEST, what=f"{_JOBS} jobs end", every=0.1)
    finally:
        if sending is not None:
            sending.kill()
            sending.wait()
    done = seen[-1][1]
    return _rate(seen, done), 1000 * (_processor_seconds(watched) - spent) / done, memory


def _processor_seconds(process: psutil.Process) -> float:
    tree = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in tree)


def _rate(seen: Sequence[tuple[float, int]], done: int) -> float:
    """Return jobs per second over the middle half."""
    (since, low), (until_, high) = (
        next((at, count) for at, count in seen if count >= share * done) for share in (0.25, 0.75)
    )
    return (high - low) / max(until_ - since, 0.1)


def _figures(name: str, rate: float, cpu: float, memory: float) -> list[Figure]:
    ideal = SLOTS / SECONDS
    return [
        Figure(name, rate, "jobs/s", ideal, "ideal"),
        Figure("  processor time of its worker", cpu, "ms/job"),
        Figure("  memory of its worker", memory, "MB"),
    ]
