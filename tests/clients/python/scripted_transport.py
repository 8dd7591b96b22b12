"""In-memory twin of the client's transports: scripted responses, a clock that only sleeping moves."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from darkroom_client.client import Client
from darkroom_client.configuration import load_configuration
from darkroom_client.exchange.http_transport import SyncTransport, run_blocking
from darkroom_client.exchange.messages import Request, Response
from darkroom_client.exchange.session import Session

URL = "http://darkroom.example"
Answer = Response | Exception | list[bytes] | tuple[Response, list[Any]]


@dataclass
class ScriptedTransport:
    """Answers requests in turn and records them; the last answer repeats.

    A list of bytes is a stream of events; with a response before it, one of that status and these headers.
    """

    answers: list[Answer]
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    clock: float = 0.0
    holds: Callable[[Request], float] = lambda request: 0.0  #: seconds that the server takes

    async def send(self, request: Request) -> Response:
        answer = self._next(request)
        assert isinstance(answer, Response)
        return answer

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator["_Stream"]:
        answer = self._next(request)
        if isinstance(answer, tuple):
            yield _Stream(*answer)
        elif isinstance(answer, list):
            yield _Stream(Response(200, {"content-type": "text/event-stream"}), answer)
        else:
            assert isinstance(answer, Response)
            yield _Stream(answer, [answer.content])

    def _next(self, request: Request) -> Answer:
        self.requests.append(request)
        self.clock += self.holds(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.clock += seconds

    def now(self) -> float:
        return self.clock

    async def read_file(self, path: Path) -> bytes:
        if str(path) not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[str(path)]

    async def write_file(self, path: Path, content: bytes) -> None:
        self.files[str(path)] = content

    async def append_file(self, path: Path, content: bytes, *, at: int) -> None:
        self.files[str(path)] = self.files.get(str(path), b"")[:at] + content

    async def move_file(self, source: Path, target: Path) -> None:
        self.files[str(target)] = self.files.pop(str(source))

    async def delete_file(self, path: Path) -> None:
        self.files.pop(str(path), None)

    async def file_size(self, path: Path) -> int | None:
        return len(self.files[str(path)]) if str(path) in self.files else None

    async def is_folder(self, path: Path) -> bool:
        return str(path) == "out"

    async def close(self) -> None: ...

    def run(self, steps: Coroutine[Any, Any, Any]) -> Any:
        return run_blocking(steps)

    iterate = SyncTransport.iterate


@dataclass
class _Stream:
    head: Response
    content: list[Any]

    async def pieces(self) -> AsyncIterator[bytes]:
        for piece in self.content:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def client_on(*answers: Answer, files: Mapping[str, bytes] | None = None, **settings: Any) -> tuple[Any, Any]:
    """Return a client and its transport."""
    transport = ScriptedTransport(list(answers), dict(files or {}))
    return client_of(transport, **settings), transport


def client_of(transport: ScriptedTransport, **settings: Any) -> Any:
    settings = {"base_url": URL, "api_key": "dk_1", **settings}
    configuration = load_configuration(environment={}, **settings)
    return Client(Session(configuration, transport, chance=lambda: 0.0))


def ok(document: Any, *, status: int = 200, **headers: str) -> Response:
    """Return a response with a JSON document."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, json.dumps(document).encode())


def a_job(number: int = 1, **members: Any) -> dict[str, Any]:
    """Return a job's document."""
    return {
        "id": f"job_{number}",
        "status": "queued",
        "revision": 1,
        "model": "m",
        "prompt": "a cat",
        "progress": 0,
        "created_at": "2026-01-01T00:00:00.000Z",
        "attempts": [{"number": 1, "channel": "c", "billed": "yes", "http_status": 200}],
        "waiting": {"reason": "rate_limit", "detail": "60 calls a minute", "next_eligible_at": None},
        "eta": {"p50": 3, "p90": 4.5, "limiting_factor": "call"},
        "error": None,
        "assets": [],
        "metadata": {"row": number},
        **members,
    }


def done(number: int = 1, **members: Any) -> dict[str, Any]:
    """Return the document of a job that succeeded with one picture, of the bytes ``one``."""
    sha256 = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    asset = {"id": "asset_1", "url": f"{URL}/assets/t/0.png", "bytes": 3, "sha256": sha256, "position": 0}
    return a_job(number, status="succeeded", revision=5, assets=[asset], **members)


def problem(status: int, **members: Any) -> Response:
    """Return an error response."""
    headers = {"retry-after": str(members.pop("retry_after"))} if "retry_after" in members else {}
    return Response(status, headers, json.dumps({"status": status, "detail": "No.", **members}).encode())


def body_of(request: Request) -> Any:
    """Return a request's JSON."""
    assert request.content is not None
    return json.loads(request.content)
