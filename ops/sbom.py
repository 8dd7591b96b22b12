"""SBOM: what Darkroom is made of, as CycloneDX 1.6, from the installed distributions and the pinned hashes.

python ops/sbom.py [EXTRA …] > darkroom.cdx.json
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"


def needed(extras: Iterable[str] = ()) -> Mapping[str, Distribution]:
    """Return the distributions that Darkroom needs here, with those that they need, by name."""
    found: dict[str, Distribution] = {}
    waiting = [("darkroom", frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, chosen = waiting.pop()
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # not for this system, or Python
            continue
        for line in found[name].requires or ():
            requirement = Requirement(line)
            wanted = [{"extra": extra} for extra in chosen] or [{"extra": ""}]
            if requirement.marker is None or any(map(requirement.marker.evaluate, wanted)):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found


def pinned_hashes() -> Mapping[str, Sequence[str]]:
    """Return the SHA-256 of each pinned distribution's files, by name and version."""
    text = CONSTRAINTS.read_text(encoding="utf-8")
    found: dict[str, Sequence[str]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", text):
        if pin := re.match(r"([a-z0-9._-]+)==([^\s;\\]+)", block):
            found[f"{canonicalize_name(pin[1])}=={pin[2]}"] = re.findall(r"sha256:([0-9a-f]{64})", block)
    return found


def document(extras: Iterable[str] = ()) -> dict[str, Any]:
    """Return the SBOM."""
    parts, hashes = needed(extras), pinned_hashes()
    own = parts["darkroom"]
    components = [
        _component(name, part, hashes.get(f"{name}=={part.version}", ()))
        for name, part in sorted(parts.items())
        if name != "darkroom"
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component("darkroom", own, ()) | {"type": "application"}},
        "components": components,
    }


def _component(name: str, part: Distribution, hashes: Sequence[str]) -> dict[str, Any]:
    licence = part.metadata.get("License-Expression") or part.metadata.get("License")
    known = {"licenses": [{"license": {"name": licence.splitlines()[0][:100]}}]} if licence else {}
    files = {"externalReferences": [_file(name, part.version, hashes)]} if hashes else {}
    purl = f"pkg:pypi/{name}@{part.version}"
    return (
        {"type": "library", "bom-ref": purl, "name": name, "version": part.version, "purl": purl}
        | known
        | files
    )


def _file(name: str, version: str, hashes: Sequence[str]) -> dict[str, Any]:
    listed = [{"alg": "SHA-256", "content": each} for each in hashes]
    return {"type": "distribution", "url": f"pkg:pypi/{name}@{version}", "hashes": listed}


if __name__ == "__main__":
    json.dump(document(sys.argv[1:]), sys.stdout, indent=1)
    sys.stdout.write("\n")
