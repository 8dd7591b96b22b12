"""The tables of docs/providers.md agree with the code.

``python -m tests.test_providers_doc`` rewrites them.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from models.channels import ChannelSettings, Paths
from models.outcomes import Outcome
from models.retry.backoff import STANDARD, Rule
from models.retry.rules import RetryClass, RetryRules
from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of
from worker.upstream.diagnosis.outcome_help import BILLED_HELP, OUTCOME_HELP, SCOPE_HELP
from worker.upstream.errors.error_catalog import ERROR_CATALOG, ErrorKind
from worker.upstream.errors.vendor_codes import VENDORS
from worker.upstream.presets.catalog import PRESETS

PAGE = Path(__file__).parent.parent / "docs" / "providers.md"
_SIZES = {"size": "`size`, a ratio as `aspect_ratio`", "prompt": "【2:3】 appended to the prompt"}
_COUNTS = {"n": "`n`", "calls": "one call each"}
_CONTENTS = {
    "auto": "content parts; a string without images",
    "parts": "always content parts",
    "string": "URLs before the text",
}


_STYLES = frozenset(
    """
    model_names params address_params headers system modalities content_style image_style size_style sizes
    n_style images_endpoint edit_style max_pictures max_image_bytes stream inline_images idle_timeout
    silent_timeout total_timeout
    """.split()  # noqa: SIM905 - one list to read
)


def outcomes() -> str:
    rows = [
        f"| `{outcome}` | {means.meaning} | {means.job} | {means.action} |"
        for outcome, means in OUTCOME_HELP.items()
    ]
    return table("outcome | meaning | the job | what to do", rows)


def codes() -> str:
    groups: dict[tuple[str, Outcome, str], list[ErrorKind]] = {}
    for kind in ERROR_CATALOG.values():
        groups.setdefault((kind.code, kind.outcome, kind.message), []).append(kind)
    rows = [
        f"| `{code}` | {outcome} | {scopes(kinds)} | {costs(kinds)} | {message} |"
        for (code, outcome, message), kinds in groups.items()
    ]
    return table("code | outcome | scope | billed | message", rows)


def scopes(kinds: list[ErrorKind]) -> str:
    return ", ".join(dict.fromkeys(kind.scope or "the job" for kind in kinds))


def costs(kinds: list[ErrorKind]) -> str:
    return ", ".join(dict.fromkeys(kind.billed.replace("_", " ") for kind in kinds))


def retries() -> str:
    rows = [
        f"| `{kind}` | {covers(kind)} | {times(rule)} | {rule.base.total_seconds():g} s | "
        f"{rule.cap.total_seconds():g} s | {rule.jitter} | {'yes' if rule.counts else 'no'} |"
        for kind, rule in STANDARD.rules.items()
    ]
    return table(
        "class | what happened | retries | first wait | longest wait | jitter | counts as an attempt", rows
    )


def covers(kind: RetryClass) -> str:
    field = RetryRules.model_fields.get(kind.value)
    return str(field.description) if field else "a person must fix the cause and resume the channel"


def times(rule: Rule) -> str:
    return "while attempts are left" if rule.attempts is None else f"{rule.attempts} ×"


def presets() -> str:
    rows = [
        f"| `{preset.name}` | {_CONTENTS[preset.content_style]} | {preset.stream} "
        f"| {_SIZES[preset.size_style]} | {_COUNTS[preset.n_style]} | {preset.max_images} |"
        for preset in PRESETS.values()
    ]
    return table("preset | input images | stream | size | several images | input images at most", rows)


def channel() -> str:
    rows = [
        f"| `{name}` | {_choices(field.annotation)} | {field.description} |"
        for name, field in ChannelSettings.model_fields.items()
        if name in _STYLES
    ]
    rows += [f"| `paths.{name}` | | path {field.description} |" for name, field in Paths.model_fields.items()]
    return table("setting | values | meaning", rows)


def _choices(annotation: Any) -> str:
    """Return the values of a literal, or nothing."""
    found = [get_args(each) for each in (annotation, *get_args(annotation)) if get_origin(each) is Literal]
    return " ".join(f"`{value}`" for value in found[0]) if found else ""


def vendors() -> str:
    rows = []
    for vendor in VENDORS:
        kinds: dict[str, list[int]] = {}
        for number, kind in vendor.kinds.items():
            kinds.setdefault(kind, []).append(number)
        meanings = "; ".join(f"`{kind}` {', '.join(map(str, numbers))}" for kind, numbers in kinds.items())
        rows.append(f"| {vendor.vendor} | {meanings} | {vendor.source} |")
    return table("vendor | kind and its numbers | source", rows)


def money() -> str:
    return ", ".join(f"`{billed}` ({words})" for billed, words in BILLED_HELP.items())


def reach() -> str:
    return ", ".join(f"`{scope}` ({words})" for scope, words in SCOPE_HELP.items())


def table(head: str, rows: list[str]) -> str:
    return "\n".join([f"| {head} |", "|" + "---|" * len(head.split("|")), *rows])


TABLES: dict[str, Callable[[], str]] = {
    "outcomes": outcomes,
    "money": money,
    "reach": reach,
    "retries": retries,
    "codes": codes,
    "vendors": vendors,
    "presets": presets,
    "channel": channel,
}


def written(page: str) -> str:
    """Return the page with its tables generated anew."""
    for name, make in TABLES.items():
        mark = f"<!-- {name} -->"
        start, _, rest = page.partition(mark)
        part, _, end = rest.partition("<!-- end -->")
        edge = "\n" if part.startswith("\n") else ""
        page = f"{start}{mark}{edge}{make()}{edge}<!-- end -->{end}"
    return page


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_agree_with_the_code(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"<!-- {name} -->" in page
    assert TABLES[name]() in page, "run python -m tests.test_providers_doc"


def test_the_page_names_every_member_of_an_explanation() -> None:
    page = PAGE.read_text(encoding="utf-8")
    headers = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "9",
        "x-request-id": "r",
        "x-should-retry": "true",
    }
    document = explain(observation_of({"id": 1, "status": 429, "headers": headers, "body": "x"})).document()
    assert {name for name in document if f"`{name}`" not in page} == set()


def test_files_that_the_page_names_exist() -> None:
    root = PAGE.parent.parent
    page = PAGE.read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([\w/]+\.(?:py|jsonl))`", page) if "answers" not in name}
    places = (root, root / "worker" / "upstream")
    assert {name for name in named if not any((place / name).exists() for place in places)} == set()


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
