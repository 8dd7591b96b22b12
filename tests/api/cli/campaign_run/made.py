"""Items for the tests of runs, whose pictures are made up."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from darkroom_client.campaigns.file_names import file_stem


@dataclass
class MadePicture:
    """A picture of these bytes; ``saved``: the files that it was written to."""

    content: bytes
    saved: list[Path] = field(default_factory=list)
    width: int = 3
    height: int = 2

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def save(self, path: Path) -> Path:
        path.write_bytes(self.content)
        self.saved.append(path)
        return path


def an_item(key: str, *contents: bytes, take: int = 1, **members: Any) -> Any:
    """Return an item with a picture of each content; without one it has failed."""
    stem, pictures = file_stem(key), [MadePicture(each) for each in contents]
    values = {
        "id": f"item_{key}",
        "key": key,
        "variant": "",
        "status": "made" if contents else "failed",
        "pictures": pictures,
        "job": SimpleNamespace(id=f"job_{key}_{take}"),
        "takes": take,
        "prompt": f"a {key}",
        "model": "m",
        "verdict": None,
        "error": None if contents else "refusal",
        "message": None if contents else "No.",
        "file_names": lambda: [f"{stem}{'' if n == 0 else f'-{n + 1}'}.png" for n in range(len(contents))],
    }
    return SimpleNamespace(**{**values, **members})
