"""A real PgBouncer in front of a PostgreSQL, on a port of its own."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.postgres import PostgresAddress
from tests.support.processes import Process, free_port

_CONFIGURATION = """\
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
"""


class PgBouncer:
    """A pooler that can be stopped and started again. ``size``: its connections to the server."""

    def __init__(self, program: str, folder: Path, server: PostgresAddress, *, mode: str, size: int) -> None:
        self.port = free_port()
        owner = {}
        if os.geteuid() == 0:  # it refuses to run as root
            nobody = pwd.getpwnam("nobody")
            owner = {"user": nobody.pw_uid, "group": nobody.pw_gid}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        (folder / "users").write_text('"postgres" ""\n')
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            _CONFIGURATION.format(server=server.port, port=self.port, folder=folder, mode=mode, size=size)
        )
        for file in folder.iterdir():
            file.chmod(0o644)
        self.process = Process([program, str(configuration)], folder / "log", folder=folder, **owner)

    def url(self, database: str) -> str:
        """Return a database's address as ``DARKROOM_DATABASE_URL`` takes it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start and wait until it answers."""
        self.process.start()
        self.process.wait_ready(self._answers)

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def serve_pgbouncer(program: str, server: PostgresAddress, *, mode: str, size: int) -> Iterator[PgBouncer]:
    """Run a pooler until the block ends; ``mode``: session or transaction."""
    folder = Path(tempfile.mkdtemp(prefix="darkroom-pgbouncer-"))
    try:
        pooler = PgBouncer(program, folder, server, mode=mode, size=size)
        try:
            pooler.start()
            yield pooler
        finally:
            pooler.process.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
