"""Amounts of money: whole millionths of one currency, and their decimal texts."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

MICRO = 1_000_000
CURRENCY_PATTERN = r"^[A-Z]{3,8}$"
_MOST = Decimal(1_000_000_000)
_TEXT = re.compile(r"\s*(?P<amount>[0-9]+(?:\.[0-9]+)?)\s*(?P<currency>[A-Za-z]{3,8})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in millionths of a currency."""

    micro: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        """Add an amount of the same currency. Raises ``ValueError`` for another one."""
        if self.currency != other.currency:
            raise ValueError(
                f"{other.currency} can't be added to {self.currency}: currencies are not converted"
            )
        return Money(self.micro + other.micro, self.currency)

    def __str__(self) -> str:
        """Write it, such as ``12.5 USD``."""
        return f"{amount_text(self.micro)} {self.currency}"

    @classmethod
    def parse(cls, text: str) -> "Money":
        """Read ``20USD`` or ``20.5 USD``. Raises ``ValueError``."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError("write an amount and its currency, such as 20USD")
        return cls(to_micro(Decimal(match["amount"]), exact=True), match["currency"].upper())


def to_micro(amount: Decimal, *, exact: bool = False) -> int:
    """Return an amount in millionths, halves rounded up.

    Raises ``ValueError`` for a negative or too large one and, if ``exact``, for more than six decimal places.
    """
    if not amount.is_finite() or not 0 <= amount <= _MOST:
        raise ValueError(f"an amount is from 0 to {_MOST:,}")
    micro = amount * MICRO
    if exact and micro != micro.to_integral_value():
        raise ValueError("an amount has at most six decimal places")
    return int(micro.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def read_amount(value: object) -> Decimal | None:
    """Return a number or a decimal text of an answer as an amount; ``None`` if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 40:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= _MOST else None


def amount_text(micro: int) -> str:
    """Write millionths as a decimal number, exactly, such as ``12.5``."""
    sign, (whole, part) = "-" if micro < 0 else "", divmod(abs(micro), MICRO)
    return f"{sign}{whole}.{part:06}".rstrip("0").rstrip(".")
