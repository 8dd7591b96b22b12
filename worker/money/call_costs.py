"""Prices and estimates of calls by channel: what a call may cost, by its job's request."""

from collections import defaultdict
from collections.abc import Mapping
from time import monotonic
from typing import Any

from models.database import Database
from models.money.call_shape import call_shape
from models.money.cost import CallShape, ChannelPrice
from models.money.estimate import MOST_SETTLED, CostEstimate, estimate_cost
from models.money.price_book import PriceBook
from models.money.price_list import load_prices
from models.queries.money.history import settled_costs
from models.settings import Settings
from worker.upstream.presets.channel_preset import effective_preset
from worker.upstream.presets.preset import Preset

_FRESH = 60.0  # seconds for which settled costs are kept
_MOST_MODELS = 1_000  # whose settled costs are kept
Settled = Mapping[CallShape, list[int]]  #: costs of calls of each shape, newest first


class CallCosts:
    """Prices calls. Settled costs of the past are read at most once a minute for each channel and model."""

    def __init__(self, prices: PriceBook, presets: Mapping[str, Preset]) -> None:
        self._prices, self._presets = prices, presets
        self._known: dict[tuple[str, str], tuple[float, Settled]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> "CallCosts":
        """Return the prices of the configured channels. Raises ``SettingsError`` for a faulty price list."""
        channels = settings.all_channels()
        if settings.price_file or any(channel.price_list for channel in channels):
            load_prices(settings.price_file)
        book = PriceBook(channels, settings.price_file)
        return cls(book, {channel.name: effective_preset(channel) for channel in channels})

    def price(self, channel: str, model: str) -> ChannelPrice:
        """Return the price of a model on a channel."""
        return self._prices.price_of(channel, model)

    def shape(self, channel: str, request: Mapping[str, Any]) -> CallShape:
        """Return what of a call of such a request on a channel matters to its price."""
        preset = self._presets.get(channel)
        params = preset.params if preset else {}
        return call_shape(request, params, one_picture=preset is not None and preset.n_style == "calls")

    async def estimate(self, database: Database, channel: str, model: str, shape: CallShape) -> CostEstimate:
        """Estimate one call; its source says by what. Raises ``DatabaseAway``."""
        price = self.price(channel, model)
        read_at, settled = self._known.get((channel, model), (None, {}))
        if read_at is None or monotonic() - read_at > _FRESH:
            settled = await self._read(database, channel, model, price.currency)
            if len(self._known) >= _MOST_MODELS:
                self._known.clear()
            self._known[channel, model] = monotonic(), settled
        return estimate_cost(price, shape, settled.get(shape, ()))

    async def _read(self, database: Database, channel: str, model: str, currency: str) -> Settled:
        async with database.reading() as connection:
            rows = await settled_costs(connection, channel, model, currency)
        settled: defaultdict[CallShape, list[int]] = defaultdict(list)
        for cost, request in rows:
            costs = settled[self.shape(channel, request)]
            if len(costs) < MOST_SETTLED:
                costs.append(cost)
        return dict(settled)
