"""Worker of the demo in a process of its own, which is started again when it dies."""

import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from threading import Event, Thread

from api.cli.exit_codes import Exit
from models.settings import Settings
from worker.app import EmbeddedWorker
from worker.process.logs import configure_logs
from worker.process.stop_signals import StopSignals

_RUN = multiprocessing.get_context("spawn")
_START_AGAIN, _POLL = 0.5, 0.1  # seconds
_STOP_TIMEOUT = 20.0  # seconds for a worker to stop, beyond the grace of its calls


def _run_beside_parent(settings: Settings) -> None:
    """Run a worker until a signal arrives, or until the process that started it is gone."""
    configure_logs(settings)
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()
    with StopSignals() as signals:
        worker = EmbeddedWorker(settings, signals.request)
        worker.start()
        signals.wait()
        stopping = Thread(target=worker.stop, name="stop")
        stopping.start()
        while stopping.is_alive():
            if signals.arrived(within=_POLL):
                worker.end_grace()
    if signals.is_requested:
        sys.exit(Exit.START_AGAIN)


def _end_with(parent: "multiprocessing.process.BaseProcess") -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


class WorkerProcess:
    """A worker process; ``kill`` ends it at once, as a crash would."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._stopping = settings, Event()
        self._process = self._spawn()
        self._watcher = Thread(target=self._watch, name="worker", daemon=True)

    def start(self) -> None:
        """Start the process, and watch it."""
        self._process.start()
        self._watcher.start()

    def kill(self) -> None:
        """End it by SIGKILL: it can do nothing more."""
        self._process.kill()

    def end_grace(self) -> None:
        """End the grace of running calls now, while ``stop`` waits for them."""
        self._signal()

    def stop(self) -> None:
        """Stop; running calls get ``DARKROOM_WORKER_GRACE`` seconds."""
        self._stopping.set()
        self._watcher.join(_STOP_TIMEOUT)
        self._signal()
        self._process.join(self._settings.worker_grace + _STOP_TIMEOUT)
        self._process.kill()

    def _spawn(self) -> "multiprocessing.context.SpawnProcess":
        return _RUN.Process(target=_run_beside_parent, args=(self._settings,), name="worker")

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._process.join(_START_AGAIN)
            if self._process.exitcode and not self._stopping.is_set():
                self._process = self._spawn()
                self._process.start()

    def _signal(self) -> None:
        with suppress(ProcessLookupError, AttributeError):
            self._process.terminate()
