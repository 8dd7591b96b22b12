"""A real reverse proxy in front of an API process, below a path, as docs/deployment.md configures it."""

import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.documented import example
from tests.support.processes import Process, free_port

_NGINX = """\
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
    {documented}
  }}
}}
"""


class Proxy:
    """A proxy on a port of its own. Its target, path and timeout are set when it starts."""

    def __init__(self, command: Sequence[str], configuration: Path) -> None:
        self.port, self._configuration = free_port(), configuration
        folder = configuration.parent
        self.process = Process([*command, str(configuration)], folder / "log", folder=folder)

    def start(self, *, api: int, path: str, timeout: int) -> None:
        """Start in front of the API on a port; ``timeout``: seconds without a byte of a response."""
        text = self.configuration(path).replace(":8080", f":{api}").replace("60s", f"{timeout}s")
        self._configuration.write_text(text)
        self.process.start()
        self.process.wait_ready(lambda: self._answers(path))

    def configuration(self, path: str) -> str:
        """Return the text of its configuration, for an API on port 8080."""
        raise NotImplementedError

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}/healthz", trust_env=False).is_success
        except httpx.TransportError:
            return False


class Nginx(Proxy):
    """nginx, with the buffers of its defaults."""

    def configuration(self, path: str) -> str:
        """Return the text of its configuration."""
        documented = example("nginx", "location").replace("/darkroom/", f"{path}/")
        return _NGINX.format(folder=self._configuration.parent, port=self.port, documented=documented)


class Caddy(Proxy):
    """Caddy, over plain HTTP."""

    def configuration(self, path: str) -> str:
        """Return the text of its configuration."""
        documented = example("caddy", "pictures.example.org").replace("/darkroom/", f"{path}/")
        address = f"http://127.0.0.1:{self.port}"
        return "{\n\tadmin off\n}\n" + documented.replace("pictures.example.org", address)


@contextmanager
def open_nginx(program: str) -> Iterator[Proxy]:
    """Return a proxy that is not started yet, and end it when the block ends."""
    with _folder("nginx") as folder:
        proxy = Nginx([program, "-c"], folder / "nginx.conf")
        try:
            yield proxy
        finally:
            proxy.process.end(signal.SIGTERM)  # as after SIGKILL, its worker process would stay


@contextmanager
def open_caddy(program: str) -> Iterator[Proxy]:
    """Return a proxy that is not started yet, and end it when the block ends."""
    with _folder("caddy") as folder:
        proxy = Caddy([program, "run", "--adapter", "caddyfile", "--config"], folder / "Caddyfile")
        try:
            yield proxy
        finally:
            proxy.process.end(signal.SIGTERM)


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"darkroom-{name}-"))
    folder.chmod(0o755)  # nginx's worker processes have another user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
