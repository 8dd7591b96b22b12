"""HTTP server with scripted responses, and the documents that tests put into them."""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as the server received it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedServer:
    """Answers each call with its scripted responses in turn; the last one repeats."""

    requests: list[ReceivedRequest] = field(default_factory=list)
    responses: dict[str, list[tuple[int, Any]]] = field(default_factory=lambda: defaultdict(list))

    def respond(self, call: str, body: Any, *, status: int = 200) -> None:
        """Add a response to a call such as ``GET /v1/jobs``: bytes as they are, other values as JSON."""
        self.responses[call].append((status, body))

    def __enter__(self) -> "ScriptedServer":
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _handler(scripted: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            raw = self.rfile.read(length)
            is_json = headers.get("content-type") == "application/json"
            body = (json.loads(raw) if is_json else raw) if length else None
            query = dict(parse_qsl(parts.query))
            scripted.requests.append(ReceivedRequest(self.command, parts.path, query, headers, body))
            script = scripted.responses.get(f"{self.command} {parts.path}") or [
                (404, {"detail": "No such thing."})
            ]
            status, document = script.pop(0) if len(script) > 1 else script[0]
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = _respond  # noqa: N815 - the standard library's name
        do_POST = _respond  # noqa: N815 - the same
        do_PATCH = _respond  # noqa: N815 - the same
        do_PUT = _respond  # noqa: N815 - the same
        do_DELETE = _respond  # noqa: N815 - the same

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Handler


def a_job(number: int = 1, **members: Any) -> dict[str, Any]:
    """Return a job as the API shows it."""
    return {
        "id": f"job_{number}",
        "object": "job",
        "status": "queued",
        "revision": 1,
        "model": "m",
        "prompt": "a cat",
        "progress": 0,
        "created_at": "2026-01-01T00:00:00.000Z",
        "started_at": None,
        "finished_at": None,
        "attempts": [],
        "waiting": None,
        "error": None,
        "text": None,
        "assets": [],
        "metadata": {},
        **members,
    }


def an_asset(url: str) -> dict[str, Any]:
    """Return an asset as the API shows it."""
    return {"id": "asset_1", "url": url, "content_type": "image/png", "width": 8, "height": 8, "bytes": 3}
