"""Seeds of a task's calls: calls made side by side with one seed would draw the same image."""

from collections.abc import Mapping
from typing import Any

SEED_LIMIT = 2**32
"""Seeds are smaller than this: many providers refuse larger ones."""


def shift_seed(params: Mapping[str, Any], by: int) -> dict[str, Any]:
    """Return call parameters with the seed moved on by ``by``; without a seed, a plain copy."""
    seed = params.get("seed")
    return {**params, "seed": (seed + by) % SEED_LIMIT} if isinstance(seed, int) else dict(params)


def without_seed(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return call parameters without the seed."""
    return {name: value for name, value in params.items() if name != "seed"}
