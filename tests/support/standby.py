"""A streaming, synchronous standby of a PostgreSQL, which can be promoted."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.postgres import Postgres, run
from tests.support.processes import until


@contextmanager
def serve_standby(primary: Postgres) -> Iterator[Postgres]:
    """Copy a server and follow it until the block ends. Commits on the primary wait for the standby."""
    folder = Path(tempfile.mkdtemp(prefix="darkroom-standby-"))
    try:
        owner = primary.owner
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        address = f"host=127.0.0.1 port={primary.port} user=postgres"
        command = [str(primary.binaries / "pg_basebackup"), "-D", str(folder / "data"), "-d", address]
        run([*command, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"], folder, owner)
        standby = Postgres(folder, primary.binaries, owner.get("user"), owner.get("group"), None)
        try:
            standby.start()
            primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.execute("SELECT pg_reload_conf()")
            until(lambda: _is_followed(primary), within=30, what="the standby follows")
            yield standby
        finally:
            standby.process.end(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_followed(primary: Postgres) -> bool:
    with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
        found = connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
    return found == [("sync",)]
