"""Definition of a campaign, as typed options, and its JSON."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from darkroom_client.errors import InputError

_BUDGET = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]{3,8})\s*")


class CampaignOptions(TypedDict, total=False):
    """Members of a campaign; the API's own words, and short forms of some. ``None`` is left out.

    ``template``: a prompt with ``{column}`` placeholders; ``budget``: such as ``"20 USD"``; ``canary``: a
    number of items; ``axes``: values by axis.
    """

    model: str | None
    template: str | Mapping[str, Any] | None
    defaults: Mapping[str, Any] | None
    axes: Mapping[str, Any] | None
    budget: str | Mapping[str, Any] | None
    limits: Mapping[str, Any] | None
    canary: int | Mapping[str, Any] | None
    windows: Sequence[Mapping[str, Any]] | None
    start_at: datetime | str | None
    deadline: datetime | str | None
    failing: Mapping[str, Any] | None
    checks: Any
    gate: Any
    review: Any


def definition_body(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a campaign as the API takes them. Raises ``InputError``."""
    body = {name: value for name, value in options.items() if value is not None}
    if isinstance(body.get("template"), str):
        body["template"] = {"prompt": body["template"]}
    if isinstance(body.get("budget"), str):
        body["budget"] = read_budget(body["budget"])
    if isinstance(body.get("canary"), int):
        body["canary"] = {"items": body["canary"]}
    axes = body.get("axes")
    if isinstance(axes, Mapping) and not isinstance(axes.get("values"), Mapping):
        body["axes"] = {"values": {name: [*values] for name, values in axes.items()}}
    for name in ("start_at", "deadline"):
        if isinstance(value := body.get(name), datetime):
            if value.tzinfo is None:
                raise InputError(name, f"{value.isoformat()} has no offset; give an aware datetime")
            body[name] = value.isoformat()
    return body


def read_budget(text: str) -> dict[str, str]:
    """Return an amount and its currency, such as ``20 USD``. Raises ``InputError``."""
    match = _BUDGET.fullmatch(text)
    if match is None:
        raise InputError("budget", f"{text[:50]!r} is no amount with its currency; write it as 20USD")
    return {"amount": match[1], "currency": match[2].upper()}
