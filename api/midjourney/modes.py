"""How soon a task shall be done: from its address, its body or its prompt; and what that means for jobs."""

from collections.abc import Mapping

from models.midjourney.protocol import Mode

PRIORITIES: Mapping[Mode, int] = {Mode.RELAX: 3, Mode.FAST: 5, Mode.TURBO: 7}
"""Priorities of jobs: larger is sooner, among a caller's own."""


def mode_of(segment: str, body: Mode | None, flags: Mapping[str, str]) -> Mode:
    """Choose the mode. The segment before ``/mj`` outranks the body, which outranks the prompt's flags."""
    words = segment.lower().split("-")
    named = next((mode for mode in Mode if mode.lower() in words), None)
    flagged = next((mode for mode in Mode if mode.lower() in flags), None)
    return named or body or flagged or Mode.FAST
