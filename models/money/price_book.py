"""Price book: the price of a model on a channel, by the channel's own prices and the official list."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from models.channels import ChannelSettings
from models.money.cost import ChannelPrice
from models.money.price import Price, UnknownPrice
from models.money.price_list import PriceList, load_prices

OFFICIAL = "official"


class PriceBook:
    """Looks prices up: a channel's own, then the official list at its ratio; else the price is unknown."""

    def __init__(self, channels: Sequence[ChannelSettings], extra: Path | None = None) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._extra = extra
        self._found: dict[tuple[str, str], ChannelPrice] = {}

    @cached_property
    def official(self) -> PriceList:
        """The official list, read when a channel first needs it."""
        return load_prices(self._extra)

    def price_of(self, channel: str, model: str) -> ChannelPrice:
        """Return the price of a model on a channel, by our name of the model or the provider's."""
        key = (channel, model)
        if key not in self._found:
            if len(self._found) > 10_000:  # names are the callers' choice
                self._found.clear()
            self._found[key] = self._find(channel, model)
        return self._found[key]

    def _find(self, channel: str, model: str) -> ChannelPrice:
        settings = self._channels.get(channel)
        if settings is None:
            return ChannelPrice(price=None)
        names = (model, settings.model_names.get(model, model))
        for name in names:
            if (own := _matching(settings.prices, name)) is not None:
                return ChannelPrice(
                    price=own, version=f"{channel}-{own.version}", unknown=settings.unknown_price
                )
        if settings.price_list == OFFICIAL:
            for name in names:
                if (row := self.official.by_name.get(name)) is not None:
                    return _official(row.price, row.version, settings.price_ratio, settings.unknown_price)
        return ChannelPrice(price=None, unknown=settings.unknown_price)


def _official(price: Price, version: str, ratio: Decimal, unknown: UnknownPrice) -> ChannelPrice:
    name = f"official-{version}" if ratio == 1 else f"official-{version}x{ratio.normalize():f}"
    return ChannelPrice(price=price, ratio=ratio, version=name, unknown=unknown)


def _matching(prices: Mapping[str, Price], model: str) -> Price | None:
    """Return the price under a model's name, else under the longest ``prefix*`` that it begins with."""
    if model in prices:
        return prices[model]
    fitting = [name for name in prices if name.endswith("*") and model.startswith(name[:-1])]
    return prices[max(fitting, key=len)] if fitting else None
