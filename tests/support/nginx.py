"""A real nginx in front of an API process, below a path, with the buffers and timeouts of its defaults."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.processes import Process, free_port

_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 64m;
    location {path}/ {{
      proxy_pass http://127.0.0.1:{api}/;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_read_timeout {timeout}s;
    }}
  }}
}}
"""


class Nginx:
    """A proxy on a port of its own. Its target, path and timeout are set when it starts."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        self.process = Process([program, "-c", str(folder / "nginx.conf")], folder / "log", folder=folder)

    def start(self, *, api: int, path: str, timeout: int) -> None:
        """Start in front of the API on a port; ``timeout``: seconds without a byte of a response."""
        text = _CONFIGURATION.format(folder=self._folder, port=self.port, api=api, path=path, timeout=timeout)
        (self._folder / "nginx.conf").write_text(text)
        self.process.start()
        self.process.wait_ready(lambda: self._answers(path))

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}/healthz", trust_env=False).is_success
        except httpx.TransportError:
            return False


@contextmanager
def open_nginx(program: str) -> Iterator[Nginx]:
    """Return a proxy that is not started yet, and end it when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="darkroom-nginx-"))
    folder.chmod(0o755)  # its worker processes have another user
    proxy = Nginx(program, folder)
    try:
        yield proxy
    finally:
        proxy.process.end(signal.SIGTERM)  # as after SIGKILL, its worker process would stay
        shutil.rmtree(folder, ignore_errors=True)
