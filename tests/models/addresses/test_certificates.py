"""A private authority is trusted by every client of a process, besides what was trusted before."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from models.addresses.certificates import check_bundle
from tests.support.private_ca import PrivateCa, make_private_ca

CODE = """
import asyncio, sys
from pathlib import Path
from models.addresses.certificates import trust_bundle
if sys.argv[2]:
    trust_bundle(Path(sys.argv[2]))
from obstore.store import S3Store
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.upstream.transport.connection import open_client, open_session
url = sys.argv[1]

async def main():
    for name, client in (
        ("provider", open_client(open_session(limit=1))),
        ("downloads", open_download_client(AllowList.parse(["127.0.0.0/8"]), 1)),
    ):
        async with client:
            try:
                print(name, (await client.get(url)).status_code)
            except Exception as error:
                print(name, type(error).__name__)

asyncio.run(main())
config = dict(endpoint=url, region="us-east-1", access_key_id="a", secret_access_key="b")
store = S3Store("bucket", config=config, retry_config={"max_retries": 0})
try:
    store.get("key")
except Exception as error:
    print("storage", "answered" if isinstance(error, FileNotFoundError) else "refused")
"""


class NotFound(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def private_ca(tmp_path: Path) -> PrivateCa:
    return make_private_ca(tmp_path)


@pytest.fixture
def server(private_ca: PrivateCa) -> Iterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(private_ca.certificate, private_ca.key)
    with HTTPServer(("127.0.0.1", 0), NotFound) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        running.handle_error = lambda request, address: None  # type: ignore[method-assign]  # refused handshakes
        thread = Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield f"https://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def answers(url: str, bundle: str, **environment: str) -> dict[str, str]:
    """Return what each client of a fresh process got from a server."""
    command, inherited = [sys.executable, "-c", CODE, url, bundle], dict(os.environ)
    inherited.pop("SSL_CERT_FILE", None)
    done = subprocess.run(
        command, capture_output=True, text=True, env={**inherited, **environment}, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


TRUSTED = {"provider": "404", "downloads": "404", "storage": "answered"}


def test_every_client_trusts_the_bundle(server: str, private_ca: PrivateCa) -> None:
    assert answers(server, str(private_ca.bundle)) == TRUSTED


def test_every_client_trusts_the_file_of_the_environment(server: str, private_ca: PrivateCa) -> None:
    assert answers(server, "", SSL_CERT_FILE=str(private_ca.bundle)) == TRUSTED


def test_no_client_trusts_a_private_authority_by_itself(server: str) -> None:
    untrusted = answers(server, "")
    assert untrusted.keys() == TRUSTED.keys()
    assert not untrusted.items() & TRUSTED.items()


def test_a_bundle_without_certificates_is_refused_in_words(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ValueError, match="has no certificate in PEM"):
        check_bundle(empty)
    with pytest.raises(ValueError, match="can't be read: No such file"):
        check_bundle(tmp_path / "missing.pem")
