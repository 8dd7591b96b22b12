"""The systemd units of the documents and the Caddyfile, as their own programs check them."""

import subprocess
from pathlib import Path

import pytest

from tests.support.deploy_tests import required
from tests.support.documented import example
from tests.support.fleet import COMMAND

pytestmark = pytest.mark.deploy
UNITS = {
    "darkroom.service": "operations.md",
    "darkroom-serve.service": "deployment.md",
    "darkroom-work@.service": "deployment.md",
}


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_in_a_unit(name: str, tmp_path: Path) -> None:
    shown = example("ini", f"# /etc/systemd/system/{name}", page=UNITS[name])
    text = shown.replace("/opt/darkroom/bin/darkroom", COMMAND)
    unit = tmp_path / name.replace("@", "@1")
    unit.write_text(text)
    done = subprocess.run(
        [required("systemd-analyze"), "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stderr.splitlines() if str(unit) in line or name.partition("@")[0] in line]
    assert (done.returncode, found) == (0, [])


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text(example("caddy", "pictures.example.org"))
    done = subprocess.run(
        [required("caddy"), "validate", "--adapter", "caddyfile", "--config", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Valid configuration" in done.stdout + done.stderr
