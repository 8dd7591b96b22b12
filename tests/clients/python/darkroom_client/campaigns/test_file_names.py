"""File names of items."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom_client.campaigns.file_names import extension_of, file_stem


def test_a_plain_key_is_the_name() -> None:
    assert file_stem("SKU-001") == "SKU-001"
    assert file_stem("猫 2") == "猫 2"
    assert file_stem("a", "style=ink,angle=top") == "a style=ink,angle=top"


@pytest.mark.parametrize(
    "key",
    ["../../etc/passwd", "a/b", "a\\b", "CON", "nul.txt", ".hidden", "..", "a.", " ", "a\n", "\u202eab"],
)
def test_what_a_file_system_refuses_is_replaced(key: str) -> None:
    name = file_stem(key)
    assert "/" not in name
    assert "\\" not in name
    assert not name.startswith(".")
    assert name.isprintable()
    assert name.split(".")[0].casefold() not in ("con", "nul")


_KEYS = st.text(min_size=1, max_size=150)


@settings(max_examples=50)
@given(_KEYS, _KEYS)
def test_different_keys_have_different_names_of_a_length_that_fits(first: str, second: str) -> None:
    names = {file_stem(first), file_stem(second)}
    assert len(names) == len({first, second})
    assert all(0 < len(name.encode("utf-8")) <= 200 for name in names)


def test_the_extension_follows_the_media_type() -> None:
    found = [extension_of(kind) for kind in ("image/png", "image/jpeg", "video/mp4", "text/../x", "")]
    assert found == ["png", "jpg", "mp4", "bin", "bin"]
