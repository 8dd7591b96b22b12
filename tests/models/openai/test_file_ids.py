"""Ids of files."""

import pytest

from models.errors import NotFound
from models.ids import new_id, public_id
from models.openai.file_ids import asset_of_file, file_id, parse_file_id


def test_an_id_is_written_as_openai_does_and_read_back() -> None:
    key = new_id()
    assert file_id(key).startswith("file-")
    assert parse_file_id(file_id(key)) == key
    assert asset_of_file(file_id(key)) == public_id("asset", key)


@pytest.mark.parametrize("text", ["", "file-", "file_1", "file-" + "z" * 26, "asset_" + "0" * 26, "file-é"])
def test_anything_else_is_no_file(text: str) -> None:
    with pytest.raises(NotFound, match="No such File object"):
        parse_file_id(text)
