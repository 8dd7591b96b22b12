"""XLSX: the first sheet of a workbook, by python-calamine; cells are the values that were saved.

A child process with limits reads the workbook, and writes its rows to a file.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import orjson

from api.campaigns.sheets.record import (
    Record,
    SheetError,
    SheetLimits,
    UnreadableSheet,
    check_header,
    records_of,
)
from api.campaigns.sheets.xlsx_process import CPU_LIMIT, MEMORY_LIMIT, too_large

_TIME_LIMIT = 300.0  # seconds for one workbook on a busy machine
_COMMAND = (sys.executable, "-P", "-m", "api.campaigns.sheets.xlsx_process")


class WorkbookReader:
    """Reads workbooks, one at a time: each may take much memory."""

    def __init__(self, *, time_limit: float = _TIME_LIMIT) -> None:
        self._turn, self._time_limit = asyncio.Lock(), time_limit

    async def write_rows(self, workbook: Path, rows: Path) -> None:
        """Write the rows of a workbook's first sheet to a file, for ``read_rows``.

        Raises ``UnreadableSheet``, also for one that takes too much time or memory.
        """
        if find_spec("python_calamine") is None:  # the extra `sheets` is not installed
            words = "this server can't read XLSX: install darkroom[sheets], or save the sheet as CSV"
            raise UnreadableSheet(SheetError(0, None, "xlsx_not_installed", words))
        async with self._turn:
            output = await self._run(workbook, rows)
        if output:
            raise UnreadableSheet(SheetError(**orjson.loads(output)))

    async def _run(self, workbook: Path, rows: Path) -> bytes:
        """Return what the child wrote to its standard output."""
        child = await asyncio.create_subprocess_exec(
            *_COMMAND,
            str(workbook),
            str(rows),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._time_limit):
                output, _ = await child.communicate()
        except TimeoutError as error:
            raise too_large(f"takes more than {self._time_limit:g} s to read") from error
        finally:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                child.kill()
            await child.wait()
        if child.returncode:
            limits = f"{CPU_LIMIT} s of processor time and {MEMORY_LIMIT // 2**20} MiB of memory"
            raise too_large(f"can't be read within {limits}")
        return output


def read_rows(path: Path, limits: SheetLimits) -> tuple[list[str], Iterator[Record]]:
    """Return the header and the records of rows that were written. Raises ``UnreadableSheet``."""
    lines = _lines(path)
    header = check_header(next(lines, (1, []))[1], limits)
    return header, records_of(header, lines, limits)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open("rb") as file:
        for line in file:
            number, texts = orjson.loads(line)
            yield number, texts
