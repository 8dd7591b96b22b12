"""Examples of the documents, so that tests run what operators copy."""

import re
from pathlib import Path
from typing import Any

import yaml

_DOCS = Path(__file__).parent.parent.parent / "docs"


def keda_example() -> dict[str, Any]:
    """Return the ScaledObject of docs/scaling.md."""
    found: dict[str, Any] = yaml.safe_load(example("yaml", "apiVersion: keda.sh", page="scaling.md"))
    return found


def example(language: str, beginning: str, *, page: str = "deployment.md") -> str:
    """Return the code block of a language in a document whose first line begins so."""
    text = (_DOCS / page).read_text("utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    [found] = [block for block in blocks if block.startswith(beginning)]
    return str(found)
