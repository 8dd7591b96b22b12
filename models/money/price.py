"""Price of a model: per call, per picture by size and quality, or by kinds of tokens."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from models.money.money import CURRENCY_PATTERN
from models.money.tokens import TokenCounts
from models.request import ImageSize

Amount = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=16)]
_STRICT = ConfigDict(frozen=True, extra="forbid")
T = TypeVar("T", int, Decimal)
ANY = "*"
_TIERS = ((1_800_000, "1K"), (6_000_000, "2K"), (24_000_000, "4K"))  # pixels at most
_PER = 1_000_000  # tokens, to which a price of tokens refers


def _tier_key(key: str) -> str:
    size, _, quality = key.partition("/")
    if size != ANY:
        ImageSize.parse(size)
    if not quality and "/" in key:
        raise ValueError(f"{key!r}: write SIZE/QUALITY, such as 1024x1024/high or */high")
    return key


TierKey = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_tier_key)]


class TokenPrices(BaseModel):
    """Prices of a million tokens by kind. A kind without a price has that of the next similar kind."""

    model_config = _STRICT

    text_in: Amount | None = None
    cached_text_in: Amount | None = Field(None, description="none: as text_in")
    image_in: Amount | None = Field(None, description="none: as text_in")
    cached_image_in: Amount | None = Field(None, description="none: as image_in")
    text_out: Amount | None = Field(None, description="none: as image_out")
    image_out: Amount | None = Field(None, description="none: as text_out")

    @model_validator(mode="after")
    def _some_output(self) -> "TokenPrices":
        if self.text_out is None and self.image_out is None:
            raise ValueError("tokens: give image_out, or text_out for a model that writes text")
        return self

    def cost(self, counts: TokenCounts, *, text: bool, inputs: bool) -> Decimal:
        """Return what these tokens cost.

        Tokens out that the provider did not split are images, but for a ``text`` job; tokens in are of
        pictures if the call had ``inputs``: where pictures are dearer, nothing is priced too low.
        """
        none = Decimal(0)
        text_in = self.text_in if self.text_in is not None else none
        image_in = self.image_in if self.image_in is not None else text_in
        cached_text = self.cached_text_in if self.cached_text_in is not None else text_in
        cached_image = self.cached_image_in if self.cached_image_in is not None else image_in
        text_out = self.text_out if self.text_out is not None else self.image_out or none
        image_out = self.image_out if self.image_out is not None else text_out
        other_in, cached_other = (image_in, cached_image) if inputs else (text_in, cached_text)
        sums = (
            counts.text_in * text_in,
            counts.cached_text_in * cached_text,
            counts.image_in * image_in,
            counts.cached_image_in * cached_image,
            counts.other_in * other_in,
            counts.cached_other_in * cached_other,
            counts.text_out * text_out,
            counts.image_out * image_out,
            counts.other_out * (text_out if text else image_out),
        )
        return sum(sums, none) / _PER


class Price(BaseModel):
    """Price of a model. With several kinds, the first of tokens, picture and call that can be applied counts.

    ``per_picture`` is a number, or prices by ``SIZE/QUALITY``, where either may be ``*`` and a size may be a
    tier such as ``2K``. ``picture_tokens`` are the usual tokens out of one picture by the same keys: they
    estimate a call whose tokens are not known yet.
    """

    model_config = _STRICT

    currency: Annotated[str, Field(pattern=CURRENCY_PATTERN)] = "USD"
    per_call: Amount | None = None
    per_picture: Amount | Mapping[TierKey, Amount] | None = None
    tokens: TokenPrices | None = None
    picture_tokens: Mapping[TierKey, Annotated[int, Field(ge=1, le=1_000_000)]] = {}

    @model_validator(mode="after")
    def _some_price(self) -> "Price":
        if self.per_call is None and self.per_picture is None and self.tokens is None:
            raise ValueError("give per_call, per_picture or tokens")
        if self.per_picture == {}:
            raise ValueError("per_picture: name at least one size or *")
        return self

    def picture(self, size: str | None, quality: str | None) -> Decimal | None:
        """Return the price of one picture; of those that are possible, the highest."""
        if self.per_picture is None or isinstance(self.per_picture, Decimal):
            return self.per_picture
        return find_tier(self.per_picture, size, quality)

    @property
    def version(self) -> str:
        """A short fingerprint: another price has another one."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:10]


def find_tier(table: Mapping[str, T], size: str | None, quality: str | None) -> T | None:
    """Return the entry for a size and a quality; the highest of those possible while either is unknown."""
    split = {(key.partition("/")[0], key.partition("/")[2]): value for key, value in table.items()}
    sizes: tuple[str, ...] = _sizes(size)
    quality = None if quality in (None, "", "auto") else quality

    def of_size(wanted: str) -> T | None:
        found = {of or ANY: value for (at, of), value in split.items() if at == wanted}
        return max(found.values(), default=None) if quality is None else found.get(quality, found.get(ANY))

    if not sizes:
        possible = [value for each in {at for at, _ in split} if (value := of_size(each)) is not None]
        return max(possible, default=None)
    return next((value for each in (*sizes, ANY) if (value := of_size(each)) is not None), None)


def _sizes(size: str | None) -> tuple[str, ...]:
    """Return a size and its tier; nothing if it is not known."""
    if size in (None, "", "auto"):
        return ()
    try:
        parsed = ImageSize.parse(str(size))
    except ValueError:
        return ()
    if not parsed.pixels:
        return (parsed.text,) if parsed.resolution else (parsed.text, "1K")
    width, _, height = parsed.text.partition("x")
    pixels = int(width) * int(height)
    return parsed.text, next((tier for most, tier in _TIERS if pixels <= most), "8K")


class AssumedPrice(BaseModel):
    """What a call is assumed to cost whose price is not known."""

    model_config = _STRICT

    assume: Amount
    currency: Annotated[str, Field(pattern=CURRENCY_PATTERN)] = "USD"


UnknownPrice = Literal["reject", "flag"] | AssumedPrice
"""Policy for calls without a known price: refuse them, call and flag them, or assume a price."""
