"""Runs ``darkroom`` on a machine whose clock is wrong: ``python -m … SECONDS COMMAND …``."""

import sys
from datetime import timedelta

import models.clock

true_time = models.clock.now


def main(skew: timedelta, arguments: list[str]) -> int:
    """Run a command with this machine's clock ``skew`` ahead. To be called before the rest is imported."""
    models.clock.now = lambda: true_time() + skew
    from api.cli.app import run  # noqa: PLC0415 - modules take the clock when they are imported

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(timedelta(seconds=float(sys.argv[1])), sys.argv[2:]))
