"""Catalogs: every text has its Chinese, and none is left over."""

import gettext
import io
import re
from functools import cache

import pytest

from api.dashboard.language.catalogs import FOLDER, compile_catalog, load_catalog, read_catalog
from tests.api.dashboard.texts import texts_of_pages
from tests.support.chinese_terms import TERMS, former_words


@cache
def chinese() -> dict[str, str]:
    """Return the Chinese of all files."""
    found: dict[str, str] = {}
    for path in (FOLDER / "zh_CN").glob("*.po"):
        found |= read_catalog(path.read_text(encoding="utf-8"))
    return found


def test_every_text_of_the_pages_has_its_chinese() -> None:
    missing = {text: places for text, places in texts_of_pages().items() if text not in chinese()}
    assert missing == {}


def test_no_text_is_translated_that_no_page_has() -> None:
    assert set(chinese()) - set(texts_of_pages()) - {""} == set()


def test_a_translation_has_the_values_of_its_text() -> None:
    for text, translation in chinese().items():
        if text:
            wanted = set(re.findall(r"%\((\w+)\)s|\{(\w+)\}", text))
            assert set(re.findall(r"%\((\w+)\)s|\{(\w+)\}", translation)) == wanted, text


def test_each_term_has_one_word() -> None:
    former = {text: found for text, translation in chinese().items() if (found := former_words(translation))}
    assert former == {}
    titles = {text: translation for text, translation in chinese().items() if len(text.split()) == 1}
    for term, (word, _) in TERMS.items():
        for text, translation in titles.items():
            if re.fullmatch(term, text, re.IGNORECASE):
                assert word in translation, text
    held = {text for text in chinese() if re.search(r"\bheld\b(?! up)", text, re.IGNORECASE)}
    assert {text for text in held if "待人工处理" not in chinese()[text]} == set()


def test_a_catalog_is_read_by_gettext() -> None:
    source = 'msgid "a"\nmsgstr "甲"\n\nmsgid "%(n)s b"\nmsgid_plural "%(n)s bs"\nmsgstr[0] "%(n)s 乙"\n'
    types = "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=1; plural=0;\\n"
    header = f'msgid ""\nmsgstr "{types}"\n\n'
    texts = read_catalog(header + source)
    catalog = gettext.GNUTranslations(io.BytesIO(compile_catalog(texts)))
    assert catalog.gettext("a") == "甲"
    assert catalog.ngettext("%(n)s b", "%(n)s bs", 2) == "%(n)s 乙"
    assert catalog.gettext("c") == "c"


@pytest.mark.parametrize(
    "source", ['msgid "a"\nmsgstr ""\n', 'msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n']
)
def test_a_text_without_a_translation_or_with_two_is_an_error(source: str) -> None:
    with pytest.raises(ValueError, match="'a'"):
        read_catalog(source)


def test_a_language_without_files_shows_texts_as_they_are() -> None:
    assert load_catalog("en").gettext("Jobs") == "Jobs"
