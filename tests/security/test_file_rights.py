"""Files on disk: another user of the machine can read none, whatever umask the process was started with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_the_entry_point_makes_private_files_under_an_open_umask(tmp_path: Path) -> None:
    darkroom = Path(sys.executable).with_name("darkroom")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    subprocess.run(
        [darkroom, "migrate", "--data", tmp_path / "data"],
        check=True,
        umask=0o000,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
    )
    made = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert len(made) >= 2
    assert [path for path in made if path.stat().st_mode & 0o077] == []
