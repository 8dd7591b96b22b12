"""Token counts of one call, by kind."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Token counts of a call; no token is counted twice.

    ``other_in`` and ``other_out`` are those that the provider did not split into text and images.
    """

    text_in: int = 0
    cached_text_in: int = 0
    image_in: int = 0
    cached_image_in: int = 0
    other_in: int = 0
    cached_other_in: int = 0
    text_out: int = 0
    image_out: int = 0
    other_out: int = 0

    @property
    def output(self) -> int:
        """All tokens that the model has written. Relays that do not count report none."""
        return self.text_out + self.image_out + self.other_out
