"""Templates: placeholders, defaults, escapes, and errors with line and column."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.campaigns.template import TemplateError, TemplateProblem, escape, parse_template

NAMES = st.text(st.characters(exclude_characters="{}|", exclude_categories=["Cs", "Z", "C"]), min_size=1)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("a {colour} cat", "a red cat"),
        ("{ colour }", "red"),
        ("{size|big} cat", "big cat"),
        ("{empty|big} cat", "big cat"),
        ("{empty|} cat", " cat"),
        ("{{colour}} is {colour}", "{colour} is red"),
        ("{{{colour}}}", "{red}"),
    ],
)
def test_a_placeholder_becomes_its_value_or_its_default(text: str, rendered: str) -> None:
    assert parse_template(text).render({"colour": "red", "empty": ""}) == rendered


def test_all_variables_without_a_value_are_named_with_line_and_column() -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template("a {size}\nand {empty} {colour}").render({"colour": "red", "empty": ""})
    assert [(each.line, each.column, each.code) for each in caught.value.problems] == [
        (1, 3, "unknown_variable"),
        (2, 5, "empty_variable"),
    ]


@pytest.mark.parametrize(
    ("text", "places"),
    [("a { b", [(1, 3)]), ("a } b", [(1, 3)]), ("a\n{}", [(2, 1)]), ("{|x} }", [(1, 1), (1, 6)])],
)
def test_all_that_is_wrong_with_a_template_is_named_with_line_and_column(
    text: str, places: list[tuple[int, int]]
) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(text)
    assert [(each.line, each.column) for each in caught.value.problems] == places


@given(st.text())
def test_any_text_can_be_written_as_a_template(text: str) -> None:
    assert parse_template(escape(text)).render({}) == text


@given(st.lists(st.tuples(st.text(), NAMES)), st.dictionaries(NAMES, st.text(min_size=1)))
def test_a_rendered_template_is_its_texts_and_values_in_order(
    parts: list[tuple[str, str]], values: dict[str, str]
) -> None:
    text = "".join(f"{escape(words)}{{{name}|-}}" for words, name in parts)
    rendered = parse_template(text).render(values)
    assert rendered == "".join(words + values.get(name, "-") for words, name in parts)


@given(st.text(alphabet="{}|ab \n"))
def test_a_text_is_either_a_template_or_refused_with_its_places(text: str) -> None:
    problems = problems_of(text)
    assert all(1 <= each.line <= text.count("\n") + 1 for each in problems)
    assert bool(problems) is not is_template(text)


def problems_of(text: str) -> tuple[TemplateProblem, ...]:
    try:
        parse_template(text)
    except TemplateError as error:
        return error.problems
    return ()


def is_template(text: str) -> bool:
    """Return whether nothing is left once escapes and placeholders are taken out, from the left."""
    rest = re.sub(r"\{\{|\}\}|\{[^{}|]*[^{}|\s][^{}|]*(\|[^{}]*)?\}", "", text)
    return not set(rest) & set("{}")
