"""PostgreSQL over TLS: its certificate is verified by all processes, also that of a private authority."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import PROMPTS, FleetOn, check_all_succeeded
from tests.support.fleet import COMMAND, environment
from tests.support.postgres import Postgres, serve_postgres
from tests.support.private_ca import PrivateCa, make_private_ca
from tests.support.valkey import ValkeyAddress

pytestmark = [pytest.mark.deploy, pytest.mark.slow(reason="a server and a fleet start")]


@pytest.fixture
def private_ca(tmp_path: Path) -> PrivateCa:
    return make_private_ca(tmp_path)


@pytest.fixture
def server(private_ca: PrivateCa) -> Iterator[Postgres]:
    """Debian's PostgreSQL, which takes connections over TLS only."""
    with serve_postgres(collated=True) as postgres:
        postgres.execute("CREATE DATABASE darkroom")
        data = postgres.folder / "data"
        for name, source in (("server.crt", private_ca.certificate), ("server.key", private_ca.key)):
            (data / name).write_bytes(source.read_bytes())
            (data / name).chmod(0o600)
            subprocess.run(["chown", f"--reference={data}", data / name], check=True)
        postgres.execute("ALTER SYSTEM SET ssl = on")
        (data / "pg_hba.conf").write_text("hostnossl postgres all all trust\nhostssl all all all trust\n")
        postgres.execute("SELECT pg_reload_conf()")
        yield postgres


def url_of(server: Postgres, mode: str) -> str:
    return f"postgresql://postgres@localhost:{server.port}/darkroom?sslmode={mode}"


def test_a_fleet_verifies_it_by_the_bundle_of_the_settings(
    fleet_on: FleetOn, server: Postgres, private_ca: PrivateCa, valkey: ValkeyAddress
) -> None:
    valkey.flush()
    url = url_of(server, "verify-full")
    fleet = fleet_on(valkey.url, database_url=url, ca_bundle=str(private_ca.bundle))
    fleet.client.submit(PROMPTS)
    check_all_succeeded(fleet)


@pytest.mark.parametrize(
    ("mode", "bundle", "held"),
    [
        ("verify-full", True, True),
        ("verify-full", False, False),
        ("require", False, True),
        ("disable", True, False),
    ],
)
def test_what_is_not_trusted_is_not_connected_to(
    server: Postgres, private_ca: PrivateCa, tmp_path: Path, mode: str, bundle: bool, held: bool
) -> None:
    variables = environment("http://127.0.0.1:9", tmp_path, database_url=url_of(server, mode))
    if bundle:
        variables["DARKROOM_CA_BUNDLE"] = str(private_ca.bundle)
    else:
        variables["SSL_CERT_FILE"] = str(private_ca.certificate)  # of the server, not of its authority
    done = subprocess.run([COMMAND, "migrate"], env=variables, cwd=tmp_path, capture_output=True, timeout=120)
    assert (done.returncode == 0) is held, done.stdout + done.stderr
