"""Sample campaign of the demo, against a scripted server; tests/e2e/test_demo.py runs it for real."""

import io
import threading
from pathlib import Path

from rich.console import Console

from api.cli.demo_campaign import SampleCampaign, curl
from tests.api.cli.scripted_server import ScriptedServer

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


def test_a_campaign_that_is_refused_is_named_in_words(server: ScriptedServer, folder: Path) -> None:
    server.respond("GET /v1/channels", {"data": []})  # the worker has not registered its channel yet
    server.respond("GET /v1/channels", {"data": [{"name": "practice", "state": "open"}]})
    server.respond("POST /v1/campaigns", {"detail": "template: a brace is missing."}, status=422)
    output = Output("brace is missing")
    console = Console(file=output, width=120, highlight=False)
    campaign = SampleCampaign(server.url, "dk_demo", folder, console)
    campaign.start()
    try:
        assert output.found.wait(_TIMEOUT), output.getvalue()
    finally:
        campaign.stop()
    assert "The sample campaign failed: template: a brace is missing." in output.getvalue()
    assert [request.path for request in server.requests] == 2 * ["/v1/channels"] + ["/v1/campaigns"]
    assert server.requests[2].body["budget"] == {"amount": "1.2", "currency": "USD"}


def test_the_curl_command_names_the_url_and_the_key() -> None:
    command = curl("http://127.0.0.1:8080", "dk_demo")
    assert command.startswith("curl -sS http://127.0.0.1:8080/v1/jobs -H 'Authorization: Bearer dk_demo'")
