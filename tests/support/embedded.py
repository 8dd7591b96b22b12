"""One real ``darkroom up`` with its provider and its client."""

from pathlib import Path

from tests.support.api_client import ApiClient
from tests.support.fleet import COMMAND, environment, serves
from tests.support.practice import Practice
from tests.support.processes import Process, free_port


class EmbeddedDarkroom:
    """A process that can be stopped, killed and started again, in front of the practice provider."""

    def __init__(self, folder: Path, practice: Practice, **settings: str) -> None:
        port = free_port()
        self.practice, self.url = practice, f"http://127.0.0.1:{port}"
        command = [COMMAND, "up", "--port", str(port), "--data", str(folder / "data")]
        self.variables = environment(practice.url, folder, upstream_concurrency="10", **settings)
        self.process = Process(command, folder / "up.log", environment=self.variables, folder=folder)
        self.client = ApiClient([self.url])

    def start(self) -> None:
        """Start and wait until it serves."""
        self.process.start()
        self.process.wait_ready(lambda: serves(self.url))
