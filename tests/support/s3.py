"""S3-like servers: moto in a process of its own, with one bucket; and one that refuses every request."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class S3:
    """Address of the server, and the options for ``open_store``."""

    url: str
    endpoint: str
    options: Mapping[str, str]


@contextmanager
def serve_s3(bucket: str = "pictures") -> Iterator[S3]:
    """Run the server until the block ends; it also ends when this process does, since its input closes."""
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        endpoint = f"http://127.0.0.1:{int(server.stdout.readline())}"
        httpx.put(f"{endpoint}/{bucket}", trust_env=False, timeout=30).raise_for_status()
        yield S3(f"s3://{bucket}/some/prefix", endpoint, _options(endpoint))
    finally:
        os.kill(server.pid, signal.SIGTERM)
        server.wait()
        server.stdin.close()
        server.stdout.close()


@contextmanager
def serve_refusals(status: int, code: str) -> Iterator[Mapping[str, str]]:
    """Answer every request with an error document; returns the options for ``open_store``."""
    document = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>".encode()

    class Refuse(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def do_GET(self) -> None:
            self.do_PUT()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield _options(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _options(endpoint: str) -> Mapping[str, str]:
    return {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "key",
        "secret_access_key": "secret",
        "allow_http": "true",
    }
