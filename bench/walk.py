"""The walk of one job through the code: which functions and files it enters, from submit to the last poll.

One ``darkroom up`` on SQLite runs under a profiler, the practice provider beside it in a process of its own.
What an idle process enters is subtracted. Not a speed: a measure of how much code one job takes to read.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import orjson

from bench.figures import Figure
from bench.servers import KEY, Servers
from tests.support.processes import free_port, until

_ROOT = Path(__file__).parent.parent
_PACKAGES = tuple(f"{_ROOT / name}{os.sep}" for name in ("api", "worker", "models"))
_LEFT_OUT = (f"{_ROOT / 'worker' / 'practice'}{os.sep}", f"{_ROOT / 'api' / 'cli'}{os.sep}")
_IDLE = 8.0  #: seconds of an idle process, so that each of its timers has run


class Recorder:
    """Profiler hook: records each named function that is entered, and the file that it is called from."""

    def __init__(self) -> None:
        self.entered: set[tuple[str, str, str]] = set()  #: file, function, calling file

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Record one event of ``sys.setprofile``."""
        path = frame.f_code.co_filename
        if event != "call" or not path.startswith(_PACKAGES) or path.startswith(_LEFT_OUT):
            return
        if frame.f_code.co_name.startswith("<"):  # a module, lambda or comprehension
            return
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(_PACKAGES):
            caller = caller.f_back
        self.entered.add((path, frame.f_code.co_qualname, caller.f_code.co_filename if caller else path))

    def dump(self, path: str) -> None:
        """Write what was recorded, and start again."""
        found = {"entered": sorted(self.entered)}
        self.entered = set()
        Path(path).write_bytes(orjson.dumps(found))


def run_recorded(output: str, arguments: Sequence[str]) -> None:
    """Run the command line under the recorder; each SIGUSR1 writes ``output`` and starts again."""
    recorder = Recorder()
    signal.signal(signal.SIGUSR1, lambda *_: recorder.dump(output))
    threading.setprofile(recorder)
    sys.setprofile(recorder)
    from api.cli.app import main  # noqa: PLC0415 - imported after the profiler is set, so that every thread has it

    sys.argv = ["darkroom", *arguments]
    main()


def measure(servers: Servers) -> list[Figure]:
    """Submit one job, poll until it has succeeded, and count what it entered."""
    with servers.environment() as environment:
        found = _walk(environment.start_practice(), environment.folder)
    return [
        Figure("functions that one job enters, idle loops subtracted", found["functions"], "functions"),
        Figure("files that one job enters, idle loops subtracted", found["files"], "files"),
        Figure("files that call another file on its way", found["pairs"], "pairs of files"),
    ]


def _walk(upstream: str, folder: Path) -> Mapping[str, int]:
    port, output = free_port(), folder / "walk.json"
    code = "import sys; from bench.walk import run_recorded; run_recorded(sys.argv[1], sys.argv[2:])"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DARKROOM_")} | {
        "DARKROOM_API_KEYS": KEY,
        "DARKROOM_UPSTREAM_BASE_URL": upstream,
        "DARKROOM_UPSTREAM_API_KEY": "practice",
        "DARKROOM_ALLOW_PRIVATE": "127.0.0.0/8",
        "DARKROOM_LOG_LEVEL": "warning",
    }
    command = [
        sys.executable,
        "-c",
        code,
        str(output),
        "up",
        "--port",
        str(port),
        "--data",
        str(folder / "w"),
    ]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=_ROOT)
    try:
        base = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{base}/healthz"), within=60, what="the API answers")
        _job(base)  # the first job loads modules and opens connections, once per process
        time.sleep(3)
        _dump(process, output)
        time.sleep(_IDLE)
        idle = _dump(process, output)
        _job(base)
        found = _dump(process, output)
    finally:
        process.terminate()
        process.wait(60)
    ours = {tuple(each) for each in found["entered"]} - {tuple(each) for each in idle["entered"]}
    return {
        "functions": len({(path, name) for path, name, _ in ours}),
        "files": len({path for path, _, _ in ours}),
        "pairs": len({(path, caller) for path, _, caller in ours if path != caller}),
    }


def _job(base: str) -> None:
    with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        given = {"model": "gpt-4o-image", "prompt": "a cat"}
        job = client.post("/v1/jobs", json=given).raise_for_status().json()
        for _ in range(60):
            job = client.get(f"/v1/jobs/{job['id']}", params={"wait": 1}).raise_for_status().json()
            if job["status"] == "succeeded":
                return
    raise SystemExit(f"the job did not succeed: {job}")


def _dump(process: subprocess.Popen[bytes], output: Path) -> dict[str, Any]:
    output.unlink(missing_ok=True)
    process.send_signal(signal.SIGUSR1)
    until(output.exists, within=10, what="the recorder wrote")
    time.sleep(0.2)
    return dict(orjson.loads(output.read_bytes()))


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False
