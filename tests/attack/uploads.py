"""Sheets and forms: uploads that are small to send and large to read, with a key."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.api.campaigns.sheets.workbooks import cell, distant_cell, write_workbook
from tests.attack.result import Result
from tests.attack.target import Target

_CSV, _JSONL = "text/csv", "application/jsonl"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORM = "multipart/form-data; boundary=b"
_PART = b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n'
_AT_ONCE = 12  # imports
_FORMS = ("/v1/files", "/v1/images/edits", "/v1/campaigns/{}/rows")


def sheets(size: int, folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield sheets of at most so many bytes: name, media type, content."""
    wide = "".join(f'<row r="{row}">{cell(f"CV{row}", "a")}</row>' for row in range(2, size // 100))
    yield "a cell in the last row and column", _XLSX, distant_cell(folder / "a.xlsx").read_bytes()
    dense = distant_cell(folder / "b.xlsx", "CV1048576").read_bytes()
    yield "a hundred columns, a million rows", _XLSX, dense
    yield "one cell in each row, far right", _XLSX, write_workbook(folder / "c.xlsx", wide).read_bytes()
    entities = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    yield "entities", _XLSX, write_workbook(folder / "d.xlsx", entities + cell("A1", "&b;")).read_bytes()
    yield "many columns", _CSV, b"a," * (size // 2)
    yield "one cell", _CSV, b"prompt\n" + b"a" * size
    yield "an open quote", _CSV, b'prompt\n"' + b"a\n" * (size // 2)
    yield "quotes", _CSV, b"prompt\n" + b'"' * size
    yield "empty lines", _CSV, b"prompt\n" + b"\n" * size
    yield "short rows", _CSV, b"prompt\n" + b"a\n" * (size // 2)
    yield "faulty rows", _CSV, b"prompt\n" + b"a,b\n" * (size // 4)
    yield "UTF-16 that ends within a character", _CSV, b"\xff\xfe" + b"a" * (size | 1)
    yield "one line of JSON", _JSONL, b'{"prompt":"' + b"a" * size + b'"}'
    yield "faulty lines of JSON", _JSONL, b"[\n" * (size // 2)
    yield "deep lines of JSON", _JSONL, (b"[" * 100_000 + b"\n") * (size // 100_000)


def forms(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield forms of about so many bytes by name, with the boundary ``b``."""
    file = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    yield "tiny parts", (_PART + b"a\r\n") * (size // (len(_PART) + 3)) + b"--b--\r\n"
    yield "one field", _PART + b"a" * size + b"\r\n--b--\r\n"
    yield "a header without end", b"--b\r\ncontent-disposition: " + b"a" * size
    yield "headers without end", b"--b\r\n" + b"a: b\r\n" * (size // 6)
    yield "dashes", b"--b\r\n" + b"-" * size
    yield "line ends", b"\r\n" * (size // 2)
    yield "a file that does not end", file + b"a" * size
    yield "a long file name", file.replace(b"a.jsonl", b"a" * size) + b"{}\r\n--b--\r\n"


def attack_uploads(target: Target, *, size: int) -> Result:
    """Send each sheet and each form to the routes that read some; none causes a server error."""
    breaches, inputs = [], 0
    name = f"attacked-{secrets.token_hex(4)}"
    with target.client(target.alice, timeout=300) as client, TemporaryDirectory() as folder:
        spec = {"name": name, "model": "hostile-image", "template": {"prompt": "{prompt}"}}
        client.post("/v1/campaigns", json=spec).raise_for_status()
        rows = f"/v1/campaigns/{name}/rows?dry_run=1"
        sent = [
            *((each, rows, kind, sheet) for each, kind, sheet in sheets(size, Path(folder))),
            *((each, path.format(name), _FORM, form) for each, form in forms(size) for path in _FORMS),
        ]
        for what, path, kind, content in sent:
            inputs += 1
            status = _status(client, path, kind, content)
            if status >= 500:
                breaches.append(f"{what} to {path}: {status}")
        rows_at_once = b"prompt\n" + b"a cat\n" * (size // 240)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            statuses = list(pool.map(lambda _: _status(client, rows, _CSV, rows_at_once), range(_AT_ONCE)))
        inputs += len(statuses)
        breaches += [f"an import beside others: {status}" for status in statuses if status != 200]
    return Result(f"sheets and forms of {size / 1e6:g} MB", inputs, breaches)


def _status(client: httpx.Client, path: str, kind: str, content: bytes) -> int:
    """Return the status; 0 if the server closed the connection while the body was sent, 599 for no answer."""
    try:
        return client.post(path, content=content, headers={"content-type": kind}).status_code
    except httpx.TimeoutException:
        return 599
    except httpx.TransportError:
        return 0
