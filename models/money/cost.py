"""Cost of one call: what is reserved for it before it is sent, and what it came to."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from models.money.money import Money, to_micro
from models.money.price import Price, UnknownPrice, find_tier
from models.money.tokens import TokenCounts

# Tokens of a call before its answer is known, where the price list has none: rather too many.
_PROMPT_TOKENS, _INPUT_TOKENS, _TEXT_TOKENS, _PICTURE_TOKENS = 500, 2_000, 2_000, 8_000


class CostSource(StrEnum):
    """How the cost of a call is known."""

    PROVIDER = "provider"  #: the answer tells it; or the provider refused the call, which costs nothing
    TOKENS = "tokens"  #: token counts of the answer, by kind
    PICTURE = "picture"  #: the pictures of the answer
    CALL = "call"  #: a price per call
    UNKNOWN = "unknown"  #: no price, or it is not known whether the call was charged


@dataclass(frozen=True, slots=True, kw_only=True)
class CallShape:
    """What a call asks for, as far as it matters to its price."""

    size: str | None = None
    quality: str | None = None
    pictures: int = 1  #: that this one call asks for
    inputs: bool = False  #: whether it has input pictures
    text: bool = False  #: whether its result is text


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What an answer says about the cost of its call."""

    told: Decimal | None = None  #: the amount that it names
    tokens: TokenCounts | None = None
    pictures: int = 0
    size: str | None = None  #: that the provider has made
    quality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of a call by the columns of its attempt; ``micro`` is ``None`` while it is unknown."""

    micro: int | None
    currency: str | None
    source: CostSource
    version: str | None = None


NO_CHARGE = Charge()
NOT_CHARGED = Cost(micro=0, currency=None, source=CostSource.PROVIDER)
UNDECIDED = Cost(micro=None, currency=None, source=CostSource.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPrice:
    """Price of a model on one channel; without a ``price`` its policy for unknown ones decides."""

    price: Price | None
    ratio: Decimal = Decimal(1)  #: of the official price that the channel charges
    version: str | None = None
    unknown: UnknownPrice = "flag"

    @property
    def currency(self) -> str:
        """The currency in which the channel charges."""
        if self.price is not None:
            return self.price.currency
        return "USD" if isinstance(self.unknown, str) else self.unknown.currency

    def expected(self, shape: CallShape) -> Money | None:
        """Return what such a call may cost by the price list, rather too much; ``None``: it is not known."""
        if self.price is None:
            return self._assumed()
        amount = _expected(self.price, shape)
        if amount is None:
            return self._assumed()
        return Money(to_micro(amount * self.ratio), self.price.currency)

    def is_listed(self, shape: CallShape) -> bool:
        """Return whether the price list has a price for such a call."""
        return self.price is not None and _expected(self.price, shape) is not None

    def settle(self, shape: CallShape, charge: Charge, reserved: Money | None) -> Cost:
        """Return the cost of a call that was charged.

        The provider's own amount comes first, then tokens, pictures, and the price per call. An amount of 0
        and counts without a token out are what relays write that do not count: they are passed over.
        """
        if charge.told:
            told = to_micro(charge.told)
            return Cost(micro=told, currency=self.currency, source=CostSource.PROVIDER, version=self.version)
        found = _charged(self.price, shape, charge) if self.price else None
        if found is not None and self.price is not None:
            amount, source = found
            micro = to_micro(amount * self.ratio)
            return Cost(micro=micro, currency=self.price.currency, source=source, version=self.version)
        known = reserved or self.expected(shape)
        if known is None:
            return UNDECIDED
        return Cost(
            micro=known.micro, currency=known.currency, source=CostSource.UNKNOWN, version=self.version
        )

    def _assumed(self) -> Money | None:
        if isinstance(self.unknown, str):
            return None
        return Money(to_micro(self.unknown.assume), self.unknown.currency)


def _expected(price: Price, shape: CallShape) -> Decimal | None:
    """Return what a call may cost by its price, before its answer is known."""
    if price.tokens is not None:
        listed = find_tier(price.picture_tokens, shape.size, shape.quality) if price.picture_tokens else None
        out = TokenCounts(
            text_in=_PROMPT_TOKENS,
            image_in=_INPUT_TOKENS if shape.inputs else 0,
            text_out=_TEXT_TOKENS if shape.text else 0,
            image_out=0 if shape.text else (listed or _PICTURE_TOKENS) * shape.pictures,
        )
        return price.tokens.cost(out, text=shape.text, inputs=shape.inputs)
    each = price.picture(shape.size, shape.quality)
    if each is not None and not shape.text:
        return each * shape.pictures
    return price.per_call


def _charged(price: Price, shape: CallShape, charge: Charge) -> tuple[Decimal, CostSource] | None:
    if price.tokens is not None and charge.tokens is not None and charge.tokens.output:
        return price.tokens.cost(charge.tokens, text=shape.text, inputs=shape.inputs), CostSource.TOKENS
    size, quality = charge.size or shape.size, charge.quality or shape.quality
    each = price.picture(size, quality)
    if each is not None and charge.pictures:
        return each * charge.pictures, CostSource.PICTURE
    if price.per_call is not None:
        return price.per_call, CostSource.CALL
    return None
