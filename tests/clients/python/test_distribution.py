"""The distribution darkroom-client: what it contains, and what it needs."""

import ast
import sys
import tomllib
from pathlib import Path

from darkroom_client import __version__

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "clients" / "python"
MODULES = sorted((FOLDER / "darkroom_client").rglob("*.py"))


def test_it_imports_httpx_the_standard_library_and_itself() -> None:
    imported = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names == {"httpx", "darkroom_client"}
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [need.partition(">")[0] for need in project["dependencies"]] == ["httpx"]


def test_the_server_s_distribution_contains_it_in_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = project["tool"]["setuptools"]["packages"]["find"]
    assert "clients/python" in found["where"]
    assert {"darkroom_client", "darkroom_client.*"} <= set(found["include"])
    assert project["tool"]["setuptools"]["package-data"]["darkroom_client"] == ["py.typed"]
    assert project["project"]["version"] == __version__
