"""Figures: measured values with their limits and goals, and the table of all."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value and its limit; ``goal`` is for the value, or for its share of the limit."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    limited_by: str = ""
    goal: float | None = None
    of_limit: bool = False  #: the goal is a share of the limit, not a value
    at_most: bool = False  #: the goal is an upper bound

    @property
    def share(self) -> float | None:
        """The value as a share of the limit."""
        return self.value / self.limit if self.limit else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met, if there is one."""
        reached = self.share if self.of_limit else self.value
        if self.goal is None or reached is None:
            return None
        return reached <= self.goal if self.at_most else reached >= self.goal

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        limit = f"{_short(self.limit)} {self.unit}, {self.limited_by}" if self.limit is not None else ""
        share = f"{self.share:.2f}" if self.share is not None else ""
        bound = "≤" if self.at_most else "≥"
        goal = f"{bound} {_short(self.goal)}{' of limit' if self.of_limit else ''}" if self.goal else ""
        result = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[self.met]
        return self.what, f"{_short(self.value)} {self.unit}", limit, share, goal, result


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table("what", "measured", "limit of the same run", "share", "goal", "")
    for figure in figures:
        table.add_row(*figure.cells())
    Console(width=None if Console().is_terminal else 160).print(table)


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
