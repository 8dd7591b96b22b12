"""Template language: ``{column}``, ``{column|default}``, and ``{{`` and ``}}`` for braces."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<inner>[^{}]*)\}|(?P<stray>[{}])")


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong at a place of a template; ``line`` and ``column`` count from 1."""

    line: int
    column: int
    code: str
    message: str


class TemplateError(ValueError):
    """A template that can't be read or rendered, with all that is wrong."""

    def __init__(self, problems: Iterable[TemplateProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "; ".join(f"line {each.line}, column {each.column}: {each.message}" for each in self.problems)
        )


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A variable of a template. ``default``: its text where the variable is missing or empty."""

    name: str
    default: str | None
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: texts and placeholders in order."""

    parts: tuple[str | Placeholder, ...]

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Its placeholders, in order."""
        return tuple(part for part in self.parts if isinstance(part, Placeholder))

    def render(self, variables: Mapping[str, str]) -> str:
        """Return the text. Raises ``TemplateError`` that names all variables without a value."""
        problems = list[TemplateProblem]()
        text = "".join(
            part if isinstance(part, str) else _value(part, variables, problems) for part in self.parts
        )
        if problems:
            raise TemplateError(problems)
        return text


def _value(part: Placeholder, variables: Mapping[str, str], problems: list[TemplateProblem]) -> str:
    value = variables.get(part.name)
    if value or (value is not None and part.default == ""):
        return value
    if part.default is not None:
        return part.default
    if value is None:
        code, words = "unknown_variable", f"there is no column or axis {part.name!r}"
    else:
        code, words = "empty_variable", f"{part.name!r} is empty; write {{{part.name}|}} to allow that"
    problems.append(TemplateProblem(part.line, part.column, code, words))
    return ""


@lru_cache(maxsize=256)
def parse_template(text: str) -> Template:
    """Parse a template. Raises ``TemplateError`` with all that is wrong."""
    parts, problems, end = list[str | Placeholder](), list[TemplateProblem](), 0
    for match in _TOKEN.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        line, column = _place(text, match.start())
        if (inner := match["inner"]) is not None:
            name, bar, default = inner.partition("|")
            if not name.strip():
                words = "a placeholder needs the name of a column: {column} or {column|default}"
                problems.append(TemplateProblem(line, column, "template_syntax", words))
            parts.append(Placeholder(name.strip(), default if bar else None, line, column))
        elif brace := match["stray"]:
            words = f"{brace!r} without its counterpart; write {brace * 2} for a brace"
            problems.append(TemplateProblem(line, column, "template_syntax", words))
        else:
            parts.append(match[0][0])
    if problems:
        raise TemplateError(problems)
    parts.append(text[end:])
    return Template(tuple(part for part in parts if part != ""))


def escape(text: str) -> str:
    """Return a template that renders to the text."""
    return text.replace("{", "{{").replace("}", "}}")


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
