"""The texts of the dashboard that are to be translated, found in its templates and modules."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from jinja2 import nodes

from api.dashboard.templates import environment

FOLDER = Path(__file__).parents[3] / "api" / "dashboard"
_PYTHON = {"msgid", "text"}


def texts_of_pages() -> Mapping[str, set[str]]:
    """Return each text, plural forms joined by NUL, with the files that have it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted((FOLDER / "templates").glob("*.html")):
        for text in _in_template(path.read_text(encoding="utf-8")):
            found[text].add(path.name)
    for path in sorted(FOLDER.rglob("*.py")):
        for text in _in_module(path.read_text(encoding="utf-8")):
            found[text].add(path.name)
    return found


def _in_template(source: str) -> Iterator[str]:
    for call in environment().parse(source).find_all(nodes.Call):
        if not isinstance(call.node, nodes.Name):
            continue
        texts = [each.value for each in call.args if isinstance(each, nodes.Const)]
        if call.node.name == "_" and texts:
            yield str(texts[0])
        elif call.node.name == "ngettext":
            yield f"{texts[0]}\0{texts[1]}"


def _in_module(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            first = node.args[0]
            if name in _PYTHON and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
