"""Models that the configured channels serve, for lists and for the check of a submit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from models.channels import serves

_NEAREST = 3
_LIKENESS = 0.5  # of a name that is suggested, from 0 to 1


@dataclass(frozen=True, slots=True)
class ServedModels:
    """The models of the channels, from their rows. A pattern such as ``flux-*`` serves any such name."""

    channels: Sequence[Any]

    @property
    def names(self) -> list[str]:
        """Exact names, sorted."""
        return sorted({model for row in self.channels for model in row.models if not model.endswith("*")})

    @property
    def patterns(self) -> list[str]:
        """Patterns, sorted."""
        return sorted({model for row in self.channels for model in row.models if model.endswith("*")})

    def channels_of(self, model: str) -> list[Any]:
        """Return the rows of the channels that serve a model."""
        return [row for row in self.channels if serves(row.models, model)]

    def nearest(self, model: str) -> list[str]:
        """Return the names and patterns most like one that nothing serves, the nearest first."""
        by_lower: Mapping[str, str] = {name.lower(): name for name in (*self.names, *self.patterns)}
        found = get_close_matches(model.lower(), list(by_lower), n=_NEAREST, cutoff=_LIKENESS)
        return [by_lower[name] for name in found]
