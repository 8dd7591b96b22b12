"""The wheel as a tool with all extras, and beside another distribution that has a package ``models``, too."""

import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.authority import public_environment

ROOT = Path(__file__).parent.parent.parent
EXTRAS = "sheets,top,mcp,otel,sentry,oidc"
UV = str(Path(sys.executable).parent / "uv")
pytestmark = [
    pytest.mark.deploy,
    pytest.mark.slow(reason="a wheel is built, with setuptools from the package index"),
]
_FIND = """
from api.cli.doctor.installation import check_packages
print(*(f"{finding.message} {finding.fix}" for finding in check_packages()))
"""


def other_wheel(folder: Path) -> Path:
    """Write a distribution ``intruder`` whose package is called ``models``."""
    files = {
        "models/__init__.py": "",
        "models/settings.py": "",
        "intruder-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: intruder\nVersion: 1\n",
        "intruder-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "intruder-1.dist-info/top_level.txt": "models\n",
    }
    files["intruder-1.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    wheel = folder / "intruder-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


def built_wheel(folder: Path) -> Path:
    """Build the wheel."""
    command = [UV, "--quiet", "build", "--wheel", "--out-dir", str(folder), str(ROOT)]
    built = subprocess.run(command, env=public_environment())
    if built.returncode:
        pytest.skip("the wheel can't be built: setuptools is missing, and no package index answers")
    [wheel] = folder.glob("darkroom-*.whl")
    return wheel


def test_uv_installs_the_wheel_with_its_extras_as_a_tool(tmp_path: Path) -> None:
    folders = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    wanted = f"darkroom[{EXTRAS}] @ {built_wheel(tmp_path).as_uri()}"
    command = [UV, "--quiet", "tool", "install", "-c", str(ROOT / "constraints.txt"), wanted]
    subprocess.run(command, env={**public_environment(), **folders}, cwd=tmp_path, check=True, timeout=300)

    def darkroom(*arguments: str) -> str:
        command = [tmp_path / "bin" / "darkroom", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout

    assert darkroom("--version").strip() == version("darkroom")
    assert "no other package has one of Darkroom's names" in darkroom("doctor", "--offline", "--json")
    python = next((tmp_path / "tools").glob("*/bin/python"))
    extras = (
        "import python_calamine, textual, mcp, opentelemetry.sdk, sentry_sdk, authlib, api.cli.top.screen"
    )
    subprocess.run([python, "-c", extras], cwd=tmp_path, check=True)


def test_a_distribution_with_one_of_its_names_is_found_and_its_harm_repaired(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"

    def uv(*arguments: str) -> None:
        subprocess.run(
            [UV, "--quiet", *arguments], cwd=tmp_path, env=public_environment(), check=True, timeout=120
        )

    def pip(*arguments: str) -> None:
        uv("pip", *arguments, "--python", str(python))

    def run(code: str) -> subprocess.CompletedProcess[str]:
        needed = {"PYTHONPATH": sysconfig.get_path("purelib")}  # what Darkroom needs, but not Darkroom
        return subprocess.run(
            [python, "-c", code],
            env={**public_environment(), **needed},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    wheel = built_wheel(tmp_path)
    uv("venv", "--python", sys.executable, str(tmp_path / "venv"))
    pip("install", str(other_wheel(tmp_path)))
    pip("install", "--no-deps", str(wheel))  # the last one overwrites the other
    found = run(_FIND)
    assert "intruder ships a package 'models' too" in found.stdout, found.stderr
    assert "pip install --force-reinstall --no-deps darkroom" in found.stdout

    pip("uninstall", "intruder")
    assert run("from models.settings import Settings").returncode
    pip("install", "--force-reinstall", "--no-deps", str(wheel))
    repaired = run("from models.settings import Settings; print(Settings.__name__)")
    assert repaired.stdout == "Settings\n", repaired.stderr
