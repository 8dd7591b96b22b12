"""``darkroom work``: one worker process of a fleet. It does not load the API, to save memory."""

from pathlib import Path

from api.cli.exit_codes import Exit
from api.cli.startup import fleet_settings
from worker.app import run_worker


def work(*, config: Path | None = None) -> Exit:
    """Run one worker process. On SIGTERM it finishes its calls in flight.

    Parameters
    ----------
    config
        settings file instead of ./darkroom.toml
    """
    return Exit.START_AGAIN if run_worker(fleet_settings(config, "work")) else Exit.OK
