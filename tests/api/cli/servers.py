"""A tiny HTTP server that answers as it is told."""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Heard:
    """One request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedServer:
    """Answers each path with what was given for it, in turn; the last answer stays."""

    heard: list[Heard] = field(default_factory=list)
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=lambda: defaultdict(list))

    def says(self, call: str, body: Any, *, status: int = 200) -> None:
        """Answer a call such as ``GET /v1/jobs`` so."""
        self.answers[call].append((status, body))

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
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            scripted.heard.append(
                Heard(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            )
            script = scripted.answers.get(f"{self.command} {parts.path}") or [
                (404, {"detail": "No such thing."})
            ]
            status, said = script.pop(0) if len(script) > 1 else script[0]
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = _answer  # noqa: N815 - the standard library's name
        do_POST = _answer  # noqa: N815 - the same
        do_PATCH = _answer  # noqa: N815 - the same
        do_DELETE = _answer  # noqa: N815 - the same

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

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
