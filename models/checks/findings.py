"""Checks of stored pictures: their names, and the rules of a campaign about what they find."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Check(StrEnum):
    """What may be found in a picture; values of the filter ``check``."""

    BLANK = "blank"  #: one colour, or nothing visible
    SIZE = "size"  #: another size than asked for
    RATIO = "ratio"  #: another aspect ratio than asked for
    ALPHA = "alpha"  #: opaque, though a transparent background was asked for
    DUPLICATE = "duplicate"  #: the same bytes as another picture of the campaign
    NEAR_DUPLICATE = "near_duplicate"  #: looks the same as another picture of the campaign
    UNREADABLE = "unreadable"  #: its pixels could not be read
    C2PA = "c2pa"  #: the file has a C2PA manifest
    XMP = "xmp"  #: the file has XMP


COLUMNS: Mapping[Check, str] = {
    Check.BLANK: "blank",
    Check.SIZE: "wrong_size",
    Check.RATIO: "wrong_ratio",
    Check.ALPHA: "wrong_alpha",
    Check.DUPLICATE: "duplicate_of",
    Check.NEAR_DUPLICATE: "near_duplicate_of",
    Check.UNREADABLE: "check_problem",
    Check.C2PA: "c2pa",
    Check.XMP: "xmp",
}
"""The column of ``assets`` that holds what a check found: true, or a value."""


def found_in(asset: Any) -> list[Check]:
    """Return what was found in an asset, by its row."""
    return [check for check, column in COLUMNS.items() if getattr(asset, column) not in (None, False)]


Policy = Literal["flag", "reroll"]


class CheckRules(BaseModel):
    """What follows when a picture of a campaign is found to be wrong.

    ``flag``: it is only marked. ``reroll``: its item gets a further take, if all pictures of the take are
    found so.
    """

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    blank: Policy = Field("flag", description="one colour, or nothing visible")
    size: Policy = Field("flag", description="another size than asked for")
    ratio: Policy = Field("flag", description="another aspect ratio than asked for")
    alpha: Policy = Field("flag", description="opaque, though a transparent background was asked for")
    duplicate: Policy = Field("flag", description="the same bytes as another picture of the campaign")
    near_duplicate: Policy = Field("flag", description="looks the same as another picture of the campaign")
    unreadable: Policy = Field("flag", description="its pixels could not be read")
    rerolls: int = Field(2, ge=1, le=10, description="further takes of one item at most, for all checks")

    @property
    def rerolling(self) -> frozenset[Check]:
        """The checks that lead to a further take."""
        return frozenset(check for check in Check if getattr(self, check.value, None) == "reroll")

    def reroll_reason(self, found: Iterable[Check]) -> Check | None:
        """Return for which finding a picture should be made again; ``None``: for none."""
        return next((check for check in found if check in self.rerolling), None)
