"""The SBOM names everything that an installation has, with the hashes that are pinned."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
ROOT = Path(__file__).parent.parent


def test_every_dependency_is_a_component_with_its_version_and_the_hashes_of_its_files() -> None:
    extras = PROJECT["optional-dependencies"].keys() - {"dev"}
    named = re.search(r"ops/sbom\.py (.*) >", (ROOT / "Makefile").read_text())
    assert named is not None
    assert set(named[1].split()) == extras
    command = [sys.executable, str(ROOT / "ops" / "sbom.py"), *extras]
    document = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    components = {each["name"]: each for each in document["components"]}
    optional = [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    wanted = [*PROJECT["dependencies"], *optional]
    assert {canonicalize_name(Requirement(line).name) for line in wanted} <= components.keys()
    assert "pytest" not in components
    assert document["metadata"]["component"]["version"] == PROJECT["version"]
    pins = (ROOT / "constraints.txt").read_text()
    for name, component in components.items():
        assert component["purl"] == f"pkg:pypi/{name}@{component['version']}"
        (files,) = component["externalReferences"]
        assert files["hashes"], name
        assert all(each["content"] in pins for each in files["hashes"])
