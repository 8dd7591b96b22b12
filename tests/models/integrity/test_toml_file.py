"""TOML files that people write."""

from pathlib import Path

import pytest

from models.errors import SettingsError
from models.integrity.toml_file import read_toml


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"port = banana", "not valid TOML: Invalid value (at line 1"),
        (b"\xff", "it is not UTF-8 from byte 0 on"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "a number in it"),
    ],
)
def test_a_file_that_can_not_be_read_is_named_with_the_reason(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (file := tmp_path / "darkroom.toml").write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        read_toml(file)
    [sentence] = refused.value.faults
    assert str(file) in sentence
    assert said in sentence


@pytest.mark.parametrize("name", ["none.toml", ".", "a\0b"])
def test_a_path_that_is_no_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        read_toml(tmp_path / name)


def test_the_tables_of_a_file_are_returned(tmp_path: Path) -> None:
    (file := tmp_path / "a.toml").write_text("[a]\nb = 1.50\n")
    assert read_toml(file, parse_float=str) == {"a": {"b": "1.50"}}
