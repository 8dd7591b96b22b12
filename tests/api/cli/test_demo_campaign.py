"""Sample campaign of the demo, against a scripted server."""

import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from api.cli.demo_campaign import PROMPTS, Campaign, curl
from tests.api.cli.scripted_server import ScriptedServer, a_job, an_asset

_TIMEOUT = 10  #: seconds


class Output(io.StringIO):
    """Output that sets ``found`` once it contains a text."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self.awaited, self.found = awaited, threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.awaited in self.getvalue():
            self.found.set()
        return written


def run(server: ScriptedServer, folder: Path, awaited: str) -> str:
    """Run the campaign until its output contains ``awaited``; return the output."""
    output = Output(awaited)
    campaign = Campaign(server.url, "dk_demo", folder, Console(file=output, width=120, highlight=False))
    campaign.start()
    try:
        assert output.found.wait(_TIMEOUT), output.getvalue()
    finally:
        campaign.stop()
    return output.getvalue()


@pytest.fixture
def finished(server: ScriptedServer) -> ScriptedServer:
    """A server that accepts the campaign and has finished it: one job failed, the others have an image."""
    server.respond("POST /v1/jobs", {"accepted": [], "rejected": []}, status=202)
    jobs = [
        a_job(number, prompt=prompt, status="succeeded", assets=[an_asset(f"http://x/{number}.png")])
        for number, (prompt, _) in enumerate(PROMPTS)
    ]
    jobs[0] |= {"status": "failed", "assets": []}
    server.respond("GET /v1/jobs", {"data": jobs[::-1], "next": None})
    return server


def test_the_images_are_listed_in_the_order_of_the_prompts(finished: ScriptedServer, folder: Path) -> None:
    lines = run(finished, folder, "Ctrl-C ends it.").splitlines()
    first = next(number for number, line in enumerate(lines) if "11 of 12 pictures are ready" in line) + 1
    addresses = [line.split()[0] for line in lines[first : first + len(PROMPTS)]]
    assert addresses == ["failed", *(f"http://x/{number}.png" for number in range(1, len(PROMPTS)))]
    assert str(folder) in "\n".join(lines)


def test_the_jobs_are_one_campaign(finished: ScriptedServer, folder: Path) -> None:
    run(finished, folder, "Ctrl-C ends it.")
    submit, listing = finished.requests[:2]
    names = {job["campaign"] for job in submit.body["jobs"]}
    assert names == {listing.query["campaign"]}
    assert [job["prompt"] for job in submit.body["jobs"]] == [prompt for prompt, _ in PROMPTS]


def test_a_rejected_job_ends_the_campaign_with_its_message(server: ScriptedServer, folder: Path) -> None:
    server.respond("POST /v1/jobs", {"accepted": [], "rejected": [{"message": "size: unknown."}]}, status=202)
    assert "The sample campaign failed: size: unknown." in run(server, folder, "unknown.")


def test_the_curl_command_names_the_url_and_the_key() -> None:
    command = curl("http://127.0.0.1:8080", "dk_demo")
    assert command.startswith("curl -sS http://127.0.0.1:8080/v1/jobs -H 'Authorization: Bearer dk_demo'")
