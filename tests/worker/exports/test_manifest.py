"""Manifest and contact sheet: every text is escaped, and read back as it was."""

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.exports.cells import cell
from worker.exports.manifest import Manifest, parse_sums

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(TEXT, st.one_of(TEXT, st.just('"><script>alert(1)</script><img onerror=x ')), TEXT)
def test_texts_are_read_back_as_they_were(tmp_path: Path, key: str, prompt: str, title: str) -> None:
    with Manifest(tmp_path, title, ["key", "prompt"]) as manifest:
        manifest.add({"key": key, "prompt": prompt}, f"{'a' * 3}/1.png")
        manifest.add_sum("0" * 64, "aaa/1.png")
        manifest.flush()
    assert json.loads((tmp_path / "manifest.jsonl").read_text()) == {"key": key, "prompt": prompt}
    table = (tmp_path / "manifest.csv").read_bytes().decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(table, newline="")))[1] == [cell(key), cell(prompt)]
    page = _Elements()
    page.feed((tmp_path / "index.html").read_text())
    assert not page.found & {"script", "onerror", "iframe", "object"}
    assert {"figure", "img", "src", "figcaption"} <= page.found
    assert parse_sums((tmp_path / "SHA256SUMS").read_bytes()) == {"aaa/1.png": "0" * 64}


def test_addresses_of_pictures_are_relative_and_encoded(tmp_path: Path) -> None:
    with Manifest(tmp_path, "t", ["key"]) as manifest:
        manifest.add({"key": "k"}, "javascript:x/ü #1.png")
        manifest.flush()
    assert 'src="./javascript%3Ax/%C3%BC%20%231.png"' in (tmp_path / "index.html").read_text()
