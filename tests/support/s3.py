"""An S3-like server (moto) in a process of its own, with one bucket."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

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
        options = {
            "endpoint": endpoint,
            "region": "us-east-1",
            "access_key_id": "key",
            "secret_access_key": "secret",
            "allow_http": "true",
        }
        yield S3(f"s3://{bucket}/some/prefix", endpoint, options)
    finally:
        os.kill(server.pid, signal.SIGTERM)
        server.wait()
        server.stdin.close()
        server.stdout.close()
