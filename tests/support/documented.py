"""Examples of docs/deployment.md, so that tests run what operators copy."""

import re
from pathlib import Path

_DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "deployment.md"


def example(language: str, beginning: str) -> str:
    """Return the code block of a language whose first line begins so."""
    blocks = re.findall(
        rf"^```{language}\n(.*?)^```$", _DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    [found] = [block for block in blocks if block.startswith(beginning)]
    return str(found)
