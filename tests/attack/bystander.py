"""Bystander: another client, in a process of its own, which measures how long its requests take.

``python -m tests.attack.bystander URL KEY``. For each line of its standard input it prints the slowest
response since the line before, in milliseconds, the number of responses, and that of failures.
"""

import select
import subprocess
import sys
import time
from dataclasses import dataclass

import httpx

LONGEST = 30.0  #: seconds that it waits for one response
_EVERY = 0.02  # seconds between two requests


@dataclass(frozen=True, slots=True)
class Waits:
    """What a bystander measured in a period."""

    slowest: float  #: ms of the slowest response
    responses: int
    failures: int  #: requests without a response, or with an error of the server


class Bystander:
    """The process, seen from the one that starts it: it must not share the interpreter of the attacker."""

    def __init__(self, url: str, key: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.attack.bystander", url, key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def waits(self) -> Waits:
        """Return what was measured since the last call, or the start."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        slowest, responses, failures = self._process.stdout.readline().split()
        return Waits(float(slowest), int(responses), int(failures))

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def main(url: str, key: str) -> None:
    """Send requests until standard input ends."""
    slowest, responses, failures = 0.0, 0, 0
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(headers=headers, trust_env=False, timeout=LONGEST) as client:
        while True:
            if select.select([sys.stdin], [], [], _EVERY)[0]:
                if not sys.stdin.readline():
                    return
                print(slowest, responses, failures, flush=True)
                slowest, responses, failures = 0.0, 0, 0
            began = time.monotonic()
            try:
                ok = client.get(f"{url}/v1/jobs?limit=1").status_code == 200
            except httpx.TransportError:
                ok = False
            slowest = max(slowest, (time.monotonic() - began) * 1000)
            responses, failures = responses + 1, failures + (not ok)


if __name__ == "__main__":
    main(*sys.argv[1:])
