"""A webhook receiver in a thread of its own, for tests that wait for real processes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Message:
    """One message, by whose id a receiver knows it again, and when it came (``time.monotonic()``)."""

    id: str
    payload: dict[str, Any]
    at: float


@dataclass
class ThreadedReceiver:
    """Messages received so far, and the URL to send them to."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)


@contextmanager
def open_receiver() -> Iterator[ThreadedReceiver]:
    """Receive until the block ends."""
    receiver = ThreadedReceiver()

    class Slot(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            message = Message(self.headers["webhook-id"], orjson.loads(body), time.monotonic())
            receiver.messages.append(message)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slot)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = Thread(target=server.serve_forever, name="receiver")
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
