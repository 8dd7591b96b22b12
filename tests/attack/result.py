"""Result of one class of attacks, and the limits that hold for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_MEMORY = 300.0  #: MB by which one client may raise the memory of `darkroom up`
LONGEST_STALL = 250.0  #: ms that another client may wait longer than one of an installation without an attack


@dataclass(frozen=True, slots=True)
class Result:
    """What one class of attacks did."""

    name: str
    inputs: int  #: requests, bodies, images or answers that were tried
    breaches: Sequence[str] = ()  #: what was not held, in words; none: all was
    skipped: str | None = None  #: why it was not run
    memory: float = 0.0  #: MB above the memory before it, at the peak
    stall: float = 0.0  #: ms of the slowest response to another client
    baseline: float = 0.0  #: ms of the slowest response of the twin, which is not attacked, at that time

    @property
    def held(self) -> str:
        """Return ``yes``, ``no``, or that it was skipped."""
        if self.skipped:
            return "skipped"
        return "no" if self.breaches else "yes"


def table(results: Sequence[Result]) -> str:
    """Return the results as a Markdown table, with the breaches below it."""
    lines = [
        "| class | inputs | held | peak memory | longest stall | without the attack |",
        "|---|--:|---|--:|--:|--:|",
    ]
    for each in results:
        measured = f"+{each.memory:,.0f} MB | {each.stall:,.0f} ms | {each.baseline:,.0f} ms"
        measured = "– | – | –" if each.skipped else measured
        lines.append(f"| {each.name} | {each.inputs:,} | {each.held} | {measured} |")
    for each in results:
        lines += [f"\n{each.name}: skipped, {each.skipped}"] if each.skipped else []
        lines += [f"\n{each.name}: {breach}" for breach in each.breaches[:5]]
        if len(each.breaches) > 5:
            lines.append(f"\n{each.name}: and {len(each.breaches) - 5} more")
    return "\n".join(lines)
