"""Lines of a batch's input file: JSONL in UTF-8, read with bounded memory."""

from collections.abc import Iterator
from pathlib import Path

LONGEST_LINE = 32 * 1024 * 1024  #: bytes
_BOM = b"\xef\xbb\xbf"


def read_input(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield number, from 1, and content of each line that is not blank; ``None``: it is too long."""
    number = 0
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE + 2):
            number += 1
            if len(line) > LONGEST_LINE + 1 or (len(line) > LONGEST_LINE and not line.endswith(b"\n")):
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST_LINE)
                yield number, None
                continue
            content = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
            if content:
                yield number, content
