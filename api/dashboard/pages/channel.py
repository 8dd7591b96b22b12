"""One channel: why it takes calls or not, limits set and learned, latency, errors, and what to press."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import quantiles
from typing import Any

from api.channel_status import read_channel_views
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.services import ApiServices
from models.api_keys import Role
from models.errors import NotFound
from models.money.money import Money
from models.queries.call_stats import newest_calls
from models.queries.dashboard.audit import list_entries

_WINDOW = timedelta(hours=24)
_TESTS = 8  # models that are offered to be tested


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a channel. Raises ``NotFound``."""
    name, services = view.request.path_params["name"], view.services
    async with services.database.reading() as connection:
        found = await read_channel_views(
            connection, view.services.clock(), rules=view.services.settings.routing_rules, only=name
        )
        if not found:
            raise NotFound(f"There is no channel {name[:64]!r}.")
        calls = await newest_calls(connection, name, services.clock() - _WINDOW)
        audit = await list_entries(connection, limit=20, target=name)
    ended = [call for call in calls if call.finished_at is not None]
    seconds = [
        max((call.finished_at - call.sent_at).total_seconds(), 0.0)
        for call in ended
        if call.outcome == "success"
    ]
    return {
        "channel": found[0],
        "tests": priced_tests(services, name),
        "latency": percentiles(seconds),
        "outcomes": Counter(call.outcome or "unknown" for call in ended).most_common(),
        "sampled": len(ended),
        "audit": audit,
    }


def priced_tests(services: ApiServices, name: str) -> Sequence[tuple[str, Money | None]]:
    """Return the models that can be tested from this process, with what a call of each may cost."""
    found: list[tuple[str, Money | None]] = []
    for channel in services.settings.all_channels():
        if channel.name == name:
            shape = services.call_costs.shape(name, {})
            models = (model for model in channel.models if not model.endswith("*"))
            found = [(model, services.call_costs.price(name, model).expected(shape)) for model in models]
    return found[:_TESTS]


def percentiles(seconds: Sequence[float]) -> Mapping[str, float] | None:
    """Return p50, p95 and p99 of durations; ``None`` for fewer than two."""
    if len(seconds) < 2:
        return None
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


PAGE = Page(
    "/dashboard/channels/{name}",
    "channel",
    msgid("Channel"),
    load,
    live=frozenset({"channels", "jobs"}),
    parent="channels",
    least=Role.VIEWER,
)
