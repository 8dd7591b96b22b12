"""Helm's own library, from a wheel. It runs in a process of its own, since Go takes over signals.

python -m tests.support.helm CHART, with values of releases as JSON on standard input
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

_TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Rendered:
    """What Helm makes of a chart and values."""

    objects: Mapping[tuple[str, str], dict[str, Any]]  #: by kind and name
    notes: str  #: that it prints at the end
    error: str  #: why it makes nothing, or nothing


def render(chart: Path, releases: Sequence[Mapping[str, Any]]) -> list[Rendered]:
    """Render a chart once for the values of each release, which is named `darkroom`."""
    return [_parsed(result) for result in _run(chart, releases)["rendered"]]


def lint(chart: Path, values: Mapping[str, Any]) -> list[str]:
    """Return what ``helm lint --strict`` says, but for recommendations."""
    return [each["error"] for each in _run(chart, [values])["lint"] if each["severity"] > 1]


def _run(chart: Path, releases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if find_spec("helm_python") is None:
        pytest.skip("Helm's library has no wheel for this machine")
    command = [sys.executable, "-m", "tests.support.helm", str(chart)]
    done = subprocess.run(
        command, input=json.dumps(releases), capture_output=True, text=True, check=True, timeout=_TIMEOUT
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _parsed(result: dict[str, Any]) -> Rendered:
    texts: dict[str, str] = {Path(name).name: text for name, text in result["files"].items()}
    notes = texts.pop("NOTES.txt", "")
    found = [each for text in texts.values() for each in yaml.safe_load_all(text) if each]
    objects = {(each["kind"], each["metadata"]["name"]): each for each in found}
    assert len(objects) == len(found), "two objects of one kind have the same name"
    return Rendered(objects, notes, result["error"])


def _main(chart: str) -> None:
    import helm_python  # noqa: PLC0415 - it is not installed on every machine

    releases = json.load(sys.stdin)
    rendered = []
    with helm_python.Chart.load(chart) as loaded:
        for values in releases:
            try:
                files = loaded.render(values, name="darkroom", namespace="darkroom")
                rendered.append({"files": files, "error": ""})
            except helm_python.HelmError as error:
                rendered.append({"files": {}, "error": str(error)})
    said = helm_python.lint(chart, releases[0], strict=True)["messages"]
    json.dump({"rendered": rendered, "lint": said}, sys.stdout)


if __name__ == "__main__":
    _main(sys.argv[1])
