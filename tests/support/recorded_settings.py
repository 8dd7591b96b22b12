"""Runs ``darkroom`` and writes the names of the settings that its process reads into a file."""

import os
import sys
from pathlib import Path
from typing import Any

from api.cli.app import PRIVATE, run
from models.settings import Settings


def _while_loading() -> bool:
    """Return whether the settings are being read from the environment: that reads all of them."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "load_settings":
            return True
        frame = frame.f_back
    return False


def main(record: Path, arguments: list[str]) -> int:
    """Run one command; the names go to ``record`` as they are read, one a line."""
    seen: set[str] = set()
    usual = Settings.__getattribute__

    def recording(settings: Settings, name: str) -> Any:
        if name in Settings.model_fields and name not in seen and not _while_loading():
            seen.add(name)
            with record.open("a") as file:
                file.write(f"{name}\n")
        return usual(settings, name)

    Settings.__getattribute__ = recording  # type: ignore[method-assign]
    return run(arguments)


if __name__ == "__main__":
    os.umask(PRIVATE)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
