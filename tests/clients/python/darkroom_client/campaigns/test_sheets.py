"""Rows as bodies of imports."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from darkroom_client import InputError
from darkroom_client.campaigns import sheets
from darkroom_client.campaigns.sheets import bodies_of
from darkroom_client.configuration import load_configuration
from darkroom_client.exchange.http_transport import run_blocking
from darkroom_client.exchange.session import Session
from tests.clients.python.scripted_transport import URL, ScriptedTransport, ok


def bodies(rows: Any, files: dict[str, bytes] | None = None, more: tuple[str, ...] = ()) -> list[sheets.Body]:
    transport = ScriptedTransport([ok({"id": "asset_1", "url": f"{URL}/a"})], dict(files or {}))
    session = Session(load_configuration(base_url=URL, api_key="dk_1", environment={}), transport)

    async def collect() -> list[sheets.Body]:
        return [body async for body in bodies_of(session, rows, more)]

    return run_blocking(collect())


def test_values_are_sent_as_json_lines_with_their_pictures_uploaded() -> None:
    [body] = bodies(
        [{"key": "a", "images": ["cat.png", "https://x/y.png"]}, {"key": "b", "n": 2}], {"cat.png": b"one"}
    )
    assert body.media_type == "application/jsonl"
    assert [json.loads(line) for line in body.content.splitlines()] == [
        {"key": "a", "images": ["asset_1", "https://x/y.png"]},
        {"key": "b", "n": 2},
    ]


def test_many_values_are_sent_in_several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_BATCH_BYTES", 100)
    found = bodies({"key": f"key {number}"} for number in range(30))
    lines = [line for body in found for line in body.content.splitlines()]
    assert len(found) > 3
    assert [json.loads(line)["key"] for line in lines] == [f"key {number}" for number in range(30)]


@pytest.mark.parametrize("rows", [["text"], [{"a": object()}], [{"a": float("nan")}]])
def test_a_value_that_is_no_json_is_named(rows: Any) -> None:
    with pytest.raises(InputError, match=r"rows\[0\]"):
        bodies(rows)


def test_a_sheet_is_sent_as_it_is() -> None:
    content = "key,prompt\n1,猫\n".encode("gb18030")
    [body] = bodies(Path("in/rows.csv"), {"in/rows.csv": content})
    assert (body.media_type, body.content) == ("text/csv", content)


def test_pictures_that_a_sheet_names_and_that_are_beside_it_are_sent_along() -> None:
    content = (
        b'key,images\n1,"a.png;sub/b c.JPG"\n2,../secret.png\n3,/etc/x.png\n4,https://x/a.png\n5,gone.png\n'
    )
    files = {
        "in/rows.csv": content,
        "in/a.png": b"A",
        "in/sub/b c.JPG": b"B",
        "secret.png": b"S",
        "in/../secret.png": b"S",
        "/etc/x.png": b"S",
        "more/c.png": b"C",
    }
    [body] = bodies("in/rows.csv", files, ("more/c.png",))
    assert body.media_type.startswith("multipart/form-data; boundary=")
    text = body.content.decode()
    assert [
        name for name in ("rows.csv", "a.png", "sub/b c.JPG", "c.png") if f'filename="{name}"' in text
    ] == [
        "rows.csv",
        "a.png",
        "sub/b c.JPG",
        "c.png",
    ]
    assert text.count("filename=") == 4


def test_pictures_that_a_workbook_names_are_sent_along() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", "<si><t>a &amp; b.png</t></si>")
    [body] = bodies("in/rows.xlsx", {"in/rows.xlsx": packed.getvalue(), "in/a & b.png": b"A"})
    assert b'filename="a & b.png"' in body.content
    [plain] = bodies("in/rows.xlsx", {"in/rows.xlsx": b"no workbook"})
    assert plain.content == b"no workbook"  # the server says what is wrong


@pytest.mark.parametrize("name", ["rows.ods", "rows", "gone.csv"])
def test_a_sheet_that_can_not_be_sent_is_named(name: str) -> None:
    with pytest.raises(InputError, match="rows"):
        bodies(name)
