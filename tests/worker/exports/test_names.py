"""File names: safe on every file system, and each once."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.exports.names import UniqueNames, safe_component, safe_path

NASTY = st.one_of(
    st.text(st.characters(), max_size=300),
    st.text(alphabet='.. /\\:*?"<>|\0\n\u202e~-aAéﬁ', max_size=40),
    st.sampled_from(
        ["con", "NUL.png", "Com1 .x", "LPT¹", "../../etc/passwd", "C:\\x", "a.", " ", ".git", "..", ""]
    ),
)


def assert_is_safe(name: str) -> None:
    assert name not in ("", ".", "..")
    assert len(name.encode()) <= 140
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', name)
    assert name == name.strip(" ")
    assert not name.startswith(".")
    assert not name.endswith(".")
    assert name == unicodedata.normalize("NFC", name)
    assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)\s*(\..*)?", name, re.IGNORECASE)


@given(NASTY)
def test_every_component_is_safe(text: str) -> None:
    assert_is_safe(safe_component(text))


@given(NASTY)
def test_every_path_stays_below_its_folder(text: str) -> None:
    components = safe_path(text, "png")
    for each in components:
        assert_is_safe(each)
    assert components[-1].endswith(".png")
    assert len(components) <= 8


@given(st.lists(NASTY, max_size=40))
def test_paths_are_unique_where_case_and_form_do_not_count_and_no_file_is_a_folder(texts: list[str]) -> None:
    names = UniqueNames()
    paths = [names.add(safe_path(text, "png")) for text in texts]
    folded = [unicodedata.normalize("NFKC", path).casefold() for path in paths]
    assert len(set(folded)) == len(folded)
    folders = {path.rsplit("/", depth)[0] for path in folded for depth in range(1, path.count("/") + 1)}
    assert not folders & set(folded)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("shoes/red/1.png", "shoes/red/1.png"),
        ("../../etc/passwd", "etc/passwd.png"),
        ("red.jpg", "red.jpg.png"),
        ("Aux", "_Aux.png"),
        ("a:b", "a_b.png"),
        ("", "_.png"),
        (".htaccess", "_htaccess.png"),
    ],
)
def test_names_stay_close_to_what_was_given(text: str, path: str) -> None:
    assert "/".join(safe_path(text, "png")) == path


def test_a_taken_name_gets_a_number() -> None:
    names = UniqueNames()
    given = [["a", "1.png"], ["A", "1.PNG"], ["a", "1.png"], ["a.png"], ["a.png", "1.png"]]
    assert [names.add(each) for each in given] == [
        "a/1.png",
        "A/1-2.PNG",
        "a/1-3.png",
        "a.png",
        "a.png-2/1.png",
    ]
