"""OpenAPI document as a file, for generators of clients: ``make openapi`` writes ``docs/openapi.json``."""

import json
from pathlib import Path

from api.app import create_app
from models.settings import Settings

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"


def openapi_text() -> str:
    """Return the document as text, the same on each machine."""
    settings = Settings(public_url=Settings.model_fields["public_url"].default)
    return json.dumps(create_app(settings).openapi(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(openapi_text(), encoding="utf-8")
