"""The encoding of a sheet is found by its whole content."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.campaigns.sheets.encoding import find_encoding
from api.campaigns.sheets.record import UnreadableSheet

CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=30, max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHINESE, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"]))
def test_a_sheet_is_read_as_it_was_written(tmp_path: Path, words: str, encoding: str) -> None:
    text = f"key,colour,number\nfirst,{words},1\n" + "second,red,2\n" * 30
    path = tmp_path / "sheet"
    path.write_bytes(text.encode(encoding))
    assert path.read_text(encoding=find_encoding(path)) == text


@pytest.mark.parametrize(
    ("content", "declared", "line"),
    [(b"a\nb\n\xff\xff,", None, 3), (b"a\n\xe9,", "utf-8", 2), (b"\xef\xbb\xbfa\n\xff", None, 2)],
)
def test_bytes_that_are_no_text_are_named_by_their_line(
    tmp_path: Path, content: bytes, declared: str | None, line: int
) -> None:
    path = tmp_path / "sheet"
    path.write_bytes(content)
    with pytest.raises(UnreadableSheet) as caught:
        find_encoding(path, declared)
    assert caught.value.error.line == line


def test_an_encoding_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSheet, match="no encoding 'klingon'"):
        find_encoding(tmp_path, "klingon")
