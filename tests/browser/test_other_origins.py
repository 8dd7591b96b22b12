"""Pages of other origins in a real browser: CORS, event streams by token, and /docs without a network."""

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_client import KEY
from tests.support.embedded import EmbeddedDarkroom
from tests.support.practice import Practice

_TIMEOUT = 90  # seconds for a browser to start on a busy machine
_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(_CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.slow(reason="a browser is started"),
]

_PAGE = """<!doctype html><meta charset="utf-8"><script>
const api = "API", headers = {Authorization: "Bearer KEY", "Content-Type": "application/json"};
const report = (name, value) => fetch("/report", {method: "POST", body: JSON.stringify([name, value])});
async function start() {
  const body = JSON.stringify({scope: "read", expires_in: 300});
  const answer = await fetch(api + "/v1/tokens", {method: "POST", headers, body});
  const {token} = await answer.json();
  const events = new EventSource(api + "/v1/events?token=" + token);
  const seen = [];
  events.onmessage = (event) => {
    const job = JSON.parse(event.data);
    seen.push([Number(event.lastEventId) > 0, job.status]);
    if (job.status === "succeeded") { events.close(); report("events", seen); }
  };
  events.onopen = async () => {
    const once = {...headers, "Idempotency-Key": "page-1"};
    const job = JSON.stringify({model: "any", prompt: "a cat"});
    const made = await fetch(api + "/v1/jobs", {method: "POST", headers: once, body: job});
    report("submitted", [made.status, made.headers.get("Location") !== null]);
  };
}
start().catch((error) => report("refused", error.name));
</script>"""


class Origin:
    """A web server of its own origin: serves one page, and collects what the page reports."""

    def __init__(self) -> None:
        self.page, self.reports = "", queue.Queue[tuple[str, Any]]()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(origin.page.encode())

            def do_POST(self) -> None:
                name, value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                origin.reports.put((name, value))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Origin":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Open pages in a headless browser, which ends with the test."""
    opened: list[subprocess.Popen[bytes]] = []

    def open_page(url: str) -> None:
        profile = tmp_path / f"browser-{len(opened)}"  # a second on one profile would hand its page over
        opened.append(subprocess.Popen(_command(profile, "--remote-debugging-port=0", url)))

    yield open_page
    for browser in opened:
        browser.terminate()
        browser.wait()


def _command(profile: Path, *arguments: str) -> list[str]:
    offline = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    quiet = ("--no-first-run", "--disable-gpu", "--disable-background-networking", "--log-level=3")
    own = f"--user-data-dir={profile}"
    return [str(_CHROMIUM), "--headless", "--no-sandbox", offline, own, *quiet, *arguments]


@pytest.fixture
def origins() -> Iterator[tuple[Origin, Origin]]:
    """Two web servers, each an origin."""
    with Origin() as listed, Origin() as other:
        yield listed, other


@pytest.fixture
def darkroom(tmp_path: Path, origins: tuple[Origin, Origin]) -> Iterator[EmbeddedDarkroom]:
    """A running Darkroom whose settings list the first origin."""
    practice = Practice(tmp_path, delay=0)
    practice.start()
    running = EmbeddedDarkroom(tmp_path, practice, cors_origins=origins[0].url)
    running.start()
    yield running
    running.process.end()
    practice.process.end()


def test_a_page_of_a_listed_origin_submits_a_job_and_follows_it_and_another_may_not(
    darkroom: EmbeddedDarkroom, origins: tuple[Origin, Origin], browse: Callable[[str], None]
) -> None:
    listed, other = origins
    for origin in origins:
        origin.page = _PAGE.replace("API", darkroom.url).replace("KEY", KEY)
    browse(listed.url)
    found = dict(listed.reports.get(timeout=_TIMEOUT) for _ in range(2))
    assert found["submitted"] == [202, True]
    assert all(numbered for numbered, _ in found["events"])
    assert [status for _, status in found["events"]][-1] == "succeeded"
    browse(other.url)
    assert other.reports.get(timeout=_TIMEOUT) == ("refused", "TypeError")


def test_the_page_docs_shows_the_api_while_no_other_host_can_be_reached(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    page = f"{darkroom.url}/docs"
    command = _command(tmp_path / "browser", "--virtual-time-budget=20000", "--dump-dom", page)
    shown = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=True).stdout
    assert "<title>Darkroom API</title>" in shown
    assert shown.count('class="opblock ') > 30
    assert 'data-path="/v1/jobs"' in shown
