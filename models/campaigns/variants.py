"""Variants of a campaign: the combinations of its axes, by number, and the names that tell them apart."""

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

_SPECIAL = re.compile(r"[%,=\x00-\x1f]")
_QUOTED = re.compile(r"%([0-9A-F]{2})")


class TooManyCombinations(ValueError):
    """The axes have more combinations than the named ceiling permits."""


@dataclass(frozen=True, slots=True)
class Variants:
    """The variants of each row; without axes there is one, whose name is empty."""

    axes: Mapping[str, Sequence[str]]
    combine: Literal["product", "zip"]
    numbers: Sequence[int]  #: of the combinations that are used
    combinations: int  #: before any is skipped or a sample is drawn

    def __len__(self) -> int:
        return len(self.numbers)

    def assignment(self, index: int) -> dict[str, str]:
        """Return the value of each axis in the variant of this index."""
        return _assignment(self.axes, self.combine, self.numbers[index])

    def formula(self, rows: int) -> str:
        """Return how the number of items comes about, such as ``3 style × 4 angle × 120 rows = 1,440``."""
        total = f"{rows * len(self):,}"
        if not self.axes:
            return f"{rows:,} rows = {total}"
        if self.combine == "zip":
            factors = f"{self.combinations:,} {'/'.join(self.axes)}"
        else:
            factors = " × ".join(f"{len(values):,} {name}" for name, values in self.axes.items())
        if len(self) != self.combinations:
            factors = f"({factors}, of which {len(self):,} are used)"
        return f"{factors} × {rows:,} rows = {total}"


def make_variants(
    axes: Mapping[str, Sequence[str]],
    *,
    combine: Literal["product", "zip"] = "product",
    skip: Sequence[Mapping[str, str]] = (),
    sample: int | None = None,
    seed: int = 0,
    ceiling: int,
) -> Variants:
    """Return the variants. ``skip``: values of some axes; combinations that have them all are left out.

    Raises ``TooManyCombinations``, and ``ValueError`` where axes of unequal length are to be zipped.
    """
    if not axes:
        return Variants({}, combine, range(1), 1)
    if combine == "zip":
        lengths = {len(values) for values in axes.values()}
        if len(lengths) > 1:
            raise ValueError("axes that are combined by zip need equally many values")
        total = lengths.pop()
    else:
        total = math.prod(len(values) for values in axes.values())
    if total > ceiling:
        raise TooManyCombinations(
            f"the axes have {total:,} combinations; at most {ceiling:,} are permitted "
            "(DARKROOM_CAMPAIGN_COMBINATIONS)"
        )
    numbers: Sequence[int] = range(total)
    if skip:
        numbers = [n for n in numbers if not _is_skipped(_assignment(axes, combine, n), skip)]
    if sample is not None and sample < len(numbers):
        numbers = sorted(random.Random(seed).sample(numbers, sample))
    return Variants(axes, combine, numbers, total)


def variant_name(assignment: Mapping[str, str]) -> str:
    """Return the name of a variant, such as ``style=a,angle=b``; different values never share one."""
    return ",".join(f"{_quoted(axis)}={_quoted(value)}" for axis, value in assignment.items())


def parse_variant(name: str) -> dict[str, str]:
    """Return the value of each axis in a variant, by its name."""
    pairs = (each.partition("=") for each in name.split(",") if each)
    return {_unquoted(axis): _unquoted(value) for axis, _, value in pairs}


def _unquoted(text: str) -> str:
    return _QUOTED.sub(lambda match: chr(int(match[1], 16)), text)


def _quoted(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"%{ord(match[0]):02X}", text)


def _assignment(axes: Mapping[str, Sequence[str]], combine: str, number: int) -> dict[str, str]:
    if combine == "zip":
        return {name: values[number] for name, values in axes.items()}
    found = dict[str, str]()
    for name, values in reversed(list(axes.items())):
        number, place = divmod(number, len(values))
        found[name] = values[place]
    return {name: found[name] for name in axes}


def _is_skipped(assignment: Mapping[str, str], skip: Sequence[Mapping[str, str]]) -> bool:
    return any(all(assignment.get(name) == value for name, value in each.items()) for each in skip)
