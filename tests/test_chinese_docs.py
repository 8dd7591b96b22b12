"""The Chinese pages say what the English ones say: headings, code, settings, tables and links agree."""

import re
from pathlib import Path

import pytest

from tests.support.chinese_terms import former_words

ROOT = Path(__file__).parent.parent
CHINESE = ROOT / "docs" / "zh"
PAGES = sorted(page.name for page in CHINESE.glob("*.md"))

FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
SETTING = re.compile(r"DARKROOM_[A-Z0-9_]+\*?")
PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*?(pictures/[^)]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def english_page(name: str) -> Path:
    """The page that a Chinese one is a translation of."""
    return ROOT / name if name == "README.md" else ROOT / "docs" / name


def both(name: str) -> tuple[str, str]:
    """The English and the Chinese text of a page."""
    return english_page(name).read_text(encoding="utf-8"), (CHINESE / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """A page without its code blocks, in which a `#` begins no heading."""
    return FENCE.sub("", text)


def tables(text: str) -> list[list[tuple[int, list[str]]]]:
    """Each row of each table of a page: the number of its cells, and the names and values written as code."""
    found = re.findall(r"(?:^\|.*\n)+", prose(text) + "\n", re.MULTILINE)
    return [[(row.count("|"), sorted(CODE.findall(row))) for row in table.splitlines()] for table in found]


def anchors(page: Path) -> set[str]:
    """The fragments that a link to a page may have, as GitHub makes them of headings."""
    titles = [title for _, title in HEADING.findall(prose(page.read_text(encoding="utf-8")))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAGES)
def test_a_chinese_page_is_built_as_its_english_page(name: str) -> None:
    assert english_page(name).is_file()
    english, chinese = both(name)
    levels = [[len(level) for level, _ in HEADING.findall(prose(text))] for text in (english, chinese)]
    assert levels[1] == levels[0]
    assert [block[0] for block in FENCE.finditer(chinese)] == [block[0] for block in FENCE.finditer(english)]
    assert tables(chinese) == tables(english)
    assert PICTURE.findall(chinese) == PICTURE.findall(english)


@pytest.mark.parametrize("name", PAGES)
def test_a_chinese_page_names_the_settings_of_its_english_page(name: str) -> None:
    english, chinese = both(name)
    assert sorted(set(SETTING.findall(chinese))) == sorted(set(SETTING.findall(english)))


@pytest.mark.parametrize("name", PAGES)
def test_a_chinese_page_has_one_word_for_each_term(name: str) -> None:
    assert former_words(prose(both(name)[1])) == set()


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_chinese_page_lead_somewhere(name: str) -> None:
    for link in LINK.findall(prose(both(name)[1])):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (CHINESE / path).resolve() if path else CHINESE / name
        assert target.is_file(), link
        assert target.parent != ROOT / "docs" or target.name not in PAGES, f"{link} has a Chinese page"
        assert not fragment or fragment in anchors(target), link


def test_the_chinese_readme_has_the_defaults_and_readers_of_each_setting() -> None:
    rows = [
        re.findall(r"^(\| `DARKROOM_[^|]+\|[^|]*\|).*\|([^|]*)\|$", text, re.MULTILINE)
        for text in both("README.md")
    ]
    told = [[(name, len(re.split("[,、]", readers))) for name, readers in table] for table in rows]
    assert told[1] == told[0]
