"""Definition of a campaign from the options of a command."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from api.cli.exit_codes import CommandFailed, Exit

LONGEST_NAME = 128  #: characters


def name_of(sheet: Path, given: str | None) -> str:
    """Return the name of the campaign: as given, else that of the sheet without its ending."""
    name = (given if given is not None else sheet.stem).strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise CommandFailed(Exit.USAGE, f"--name: write 1 to {LONGEST_NAME} characters.")
    return name


def template_of(given: str | None) -> str | None:
    """Return the template: as given, or the content of the file that is named after an @."""
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise CommandFailed(Exit.USAGE, f"--template {given}: {reason}.") from error


def axes_of(typed: Sequence[str]) -> Mapping[str, Sequence[str]] | None:
    """Return the values of each axis of ``style=a,b``; an axis that is given twice has the values of both."""
    axes: dict[str, list[str]] = {}
    for text in typed:
        axis, sign, values = text.partition("=")
        found = [value.strip() for value in values.split(",") if value.strip()]
        if not axis.strip() or not sign or not found:
            raise CommandFailed(
                Exit.USAGE, f"--matrix {text}: write AXIS=VALUE,VALUE, such as style=ink,oil."
            )
        axes.setdefault(axis.strip(), []).extend(found)
    return axes or None


def definition_of(
    *,
    model: str | None,
    template: str | None,
    matrix: Sequence[str],
    budget: str | None,
    canary: int | None,
    size: str | None,
    concurrency: int | None,
) -> dict[str, Any]:
    """Return the members of a campaign that options give; those that are ``None`` are left out."""
    members = {
        "model": model,
        "template": template_of(template),
        "axes": axes_of(matrix),
        "budget": budget,
        "canary": canary,
        "defaults": None if size is None else {"size": size},
        "limits": None if concurrency is None else {"concurrency": concurrency},
    }
    return {name: value for name, value in members.items() if value is not None}
