"""``darkroom explain``: classify captured answers of providers. No provider is called."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import orjson
from cyclopts import Parameter

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.output import open_console
from api.cli.render.explanation import card
from models.errors import InvalidRequest
from worker.upstream.diagnosis.explain import Explanation
from worker.upstream.diagnosis.explain import explain as explain_observation
from worker.upstream.diagnosis.observation import observation_of

_STDIN = "-"
_BOM = b"\xef\xbb\xbf"
_USAGE = (
    "Give a file of JSON lines, or pipe them in: darkroom explain answers.jsonl\n"
    'A line is {"status": 200, "headers": {}, "body": "…"}; see docs/providers.md.'
)


def explain(
    *files: Annotated[str, Parameter(allow_leading_hyphen=True)],
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print JSON lines, as when piped")
    ] = False,
    as_card: Annotated[
        bool, Parameter(name="--card", negative="", help="print cards, as on a terminal")
    ] = False,
) -> Exit:
    """Explain captured answers of providers: outcome, cost, images, what to do. No key is needed.

    Reads JSON lines {id?, status, headers, body, request?, transport?, model?, elapsed_s?}, prints what each
    means, and calls no provider.

    Parameters
    ----------
    files
        files of JSON lines; - or none: standard input
    """
    if as_json and as_card:
        raise CommandFailed(Exit.USAGE, "Choose --json or --card, not both.")
    if not files and sys.stdin.isatty():
        raise CommandFailed(Exit.USAGE, _USAGE)
    names = files or (_STDIN,)
    _check(names)
    write = _write_card if as_card or (sys.stdout.isatty() and not as_json) else _write_line
    has_errors = False
    for name in names:
        for number, line in _lines(name):
            try:
                write(explain_observation(observation_of(_parse(line))))
            except InvalidRequest as error:
                has_errors = True
                _write_error(name if len(names) > 1 else None, number, error, write is _write_card)
    return Exit.USAGE if has_errors else Exit.OK


def _check(names: tuple[str, ...]) -> None:
    """Fail before any work if a file does not exist or is a folder."""
    for name in names:
        if name != _STDIN and not Path(name).exists():
            raise CommandFailed(Exit.USAGE, f"There is no file {name}: check the name, or use - for a pipe.")
        if name != _STDIN and Path(name).is_dir():
            raise CommandFailed(Exit.USAGE, f"{name} is a folder: name the file of JSON lines in it.")


def _lines(name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers; a file is not loaded whole."""
    with _open(name) as stream:
        for number, line in enumerate(stream, 1):
            text = (line.removeprefix(_BOM) if number == 1 else line).strip()
            if text:
                yield number, text


@contextmanager
def _open(name: str) -> Iterator[BinaryIO]:
    if name == _STDIN:
        yield sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as stream:
            yield stream
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{name} can't be read: {error.strerror}.") from error


def _parse(line: bytes) -> object:
    """Parse a line; ``json`` accepts what ``orjson`` refuses (lone surrogates)."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as strict:
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            where = f"{strict.msg} at column {strict.colno}"
            raise InvalidRequest("JSON", f"{where}; write one object per line") from None


def _write_line(explanation: Explanation) -> None:
    _write(explanation.document())


def _write_card(explanation: Explanation) -> None:
    open_console().print(card(explanation))


def _write_error(file: str | None, number: int, error: InvalidRequest, as_card: bool) -> None:
    if as_card:
        place = "line" if file is None else f"{file}, line"
        open_console().print(f"✘ {place} {number}: {error}", style="red", markup=False)
    else:
        _write({**({} if file is None else {"file": file}), "line": number, "error": str(error)})


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=True) + "\n")
    sys.stdout.flush()
