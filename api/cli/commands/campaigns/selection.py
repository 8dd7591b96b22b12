"""Options by which commands name campaigns and their items."""

from collections.abc import Sequence
from typing import Annotated, cast

from cyclopts import Parameter

from api.cli.exit_codes import CommandFailed, Exit
from darkroom_client.campaigns.campaign import ItemFilter

MEMBERS = ("status", "verdict", "key", "variant", "check", "error", "model", "action")

Where = Annotated[
    tuple[str, ...],
    Parameter(
        name="--where",
        negative="",
        help=f"MEMBER=VALUE,VALUE: only such items, such as status=failed; {', '.join(MEMBERS)}; repeatable",
    ),
]
Yes = Annotated[bool, Parameter(alias="-y", negative="", help="ask nothing")]


def where_of(typed: Sequence[str]) -> ItemFilter:
    """Return the filter of ``status=failed,held``. Raises ``CommandFailed``."""
    found: dict[str, list[str]] = {}
    for text in typed:
        member, sign, values = text.partition("=")
        chosen = [value.strip() for value in values.split(",") if value.strip()]
        if member not in MEMBERS or not sign or not chosen:
            words = f"write MEMBER=VALUE, such as status=failed; members: {', '.join(MEMBERS)}."
            raise CommandFailed(Exit.USAGE, f"--where {text}: {words}")
        found.setdefault(member, []).extend(chosen)
    return cast(ItemFilter, found)
