"""A TypeScript client that is generated from the OpenAPI document compiles."""

import shutil
import subprocess
from pathlib import Path

import pytest

from api.openapi_file import FILE

HERE = Path(__file__).parent
_UNREACHABLE = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "E403",
    "E404",
)


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the client's source and its pinned packages."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no node and npm on this machine")
    for name in ("client.ts", "package.json", "package-lock.json"):
        shutil.copy(HERE / name, tmp_path)
    installed = run(
        *("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"), folder=tmp_path
    )
    if any(code in installed.stderr for code in _UNREACHABLE):
        pytest.skip("npm reaches no registry that has the pinned packages")
    assert installed.returncode == 0, installed.stderr
    return tmp_path


@pytest.mark.slow(reason="npm installs the compiler, and it compiles")
def test_a_client_of_the_generated_types_compiles_and_a_wrong_member_does_not(folder: Path) -> None:
    generate = ("node", "node_modules/openapi-typescript/bin/cli.js", str(FILE), "-o", "api.ts")
    generated = run(*generate, "--default-non-nullable=false", folder=folder)
    assert generated.returncode == 0, generated.stderr
    source = (folder / "client.ts").read_text(encoding="utf-8")
    wrong = source.replace("asset.url", "asset.adress")
    (folder / "wrong.ts").write_text(wrong, encoding="utf-8")
    options = ("--strict", "--skipLibCheck", "--noEmit", "--target", "es2022", "--module", "esnext")
    options += ("--moduleResolution", "bundler", "--lib", "es2022,dom")
    compiled = run(
        "node", "node_modules/typescript/bin/tsc", *options, "client.ts", "wrong.ts", folder=folder
    )
    found = [line for line in compiled.stdout.splitlines() if "error TS" in line]
    assert [line.split("(")[0] for line in found] == ["wrong.ts"], compiled.stdout
    assert "adress" in found[0]
