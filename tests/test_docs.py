"""The pages of the repository: links lead somewhere, commands exist, every address of the API is named."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from api.cli.app import build_app

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("clients/*/*.md"), *ROOT.glob("ops/**/*.md")]
)
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CODE = re.compile(r"^```\w*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|(?<!SETUSER)[\s/])darkroom ((?:[a-z]+ ?)+)([^\n|;#&`]*)", re.MULTILINE)
_OPTION = re.compile(r"(?<=\s)--[a-z][a-z-]*")


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", plain.replace("`", "")).replace(" ", "-")


@cache
def _anchors(page: Path) -> frozenset[str]:
    return frozenset(map(_anchor, _HEADING.findall(page.read_text("utf-8"))))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_to_a_file_and_a_heading(page: Path) -> None:
    for link in _LINK.findall(page.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@cache
def _options(*command: str) -> frozenset[str] | None:
    """Return the options of a command, or nothing if there is no such command."""
    app = build_app(command[0])
    for name in command:
        if name not in set(app):
            return None
        app = app[name]
    if app.default_command is None:
        return frozenset({"--help", "--version"})
    named = {name for argument in app.assemble_argument_collection() for name in argument.names}
    return frozenset(named | {"--help"})


def _has_command(name: str, word: str) -> bool:
    """Return whether a word after a command is one of its commands, rather than an argument."""
    app = build_app(name)
    return name in set(app) and (app[name].default_command is None or word in set(app[name]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    wrong = []
    for block, inline in _CODE.findall(page.read_text("utf-8")):
        for words, rest in _COMMAND.findall((block or inline).replace("\\\n", " ")):
            first, *more = words.split()
            command = (first, more[0]) if more and _has_command(first, more[0]) else (first,)
            known = _options(*command)
            if known is None or not set(_OPTION.findall(f" {words}{rest}")) <= known:
                wrong.append(f"darkroom {words}{rest}")
    assert wrong == []


def test_the_page_of_the_api_names_every_address() -> None:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    table = page.partition("| request |")[2].partition("\n\n")[0]
    named = {path.partition("?")[0] for path in re.findall(r"[` ](…?/[^` ,]+)", table)}
    parents = named | {path.rpartition("/")[0] for path in named}
    families = tuple(path.removesuffix("…") for path in named if path.endswith("…"))
    for path in json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))["paths"]:
        short = re.sub(r"\{\w+_id\}", "{id}", path)
        above, _, act = short.rpartition("/")
        is_action = above in parents and not {f"/{act}", f"…/{act}"}.isdisjoint(named)
        assert short in named or is_action or short.startswith(families), path
