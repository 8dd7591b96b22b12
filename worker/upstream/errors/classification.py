"""Classification: an error kind, and the rule and the words that decided it."""

from dataclasses import dataclass

from models.outcomes import Sign

_MAX_WORDS = 120  #: characters of the words that are shown


@dataclass(frozen=True, slots=True)
class Classification:
    """Error kind of a call without an image.

    ``kind`` is a key of the error catalog, or ``pending``. ``rule`` names what decided, ``words`` are the
    provider's words that it found.
    """

    kind: str
    rule: str
    words: str = ""
    sign: Sign = Sign.CERTAIN

    @property
    def decided_by(self) -> str:
        """The rule and the words, for people."""
        words = self.words if len(self.words) <= _MAX_WORDS else f"{self.words[: _MAX_WORDS - 1]}…"
        return f'{self.rule}: "{words}"' if words else self.rule
