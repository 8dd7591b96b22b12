"""Read LiteLLM's price file (JSON) as rows of a price list: its models that make images."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from models.money.money import read_amount
from models.money.price_list import ListedPrice, parse_rows

SOURCE = "LiteLLM model_prices_and_context_window.json"
_MILLION = 1_000_000
_TOKENS = {
    "text_in": "input_cost_per_token",
    "cached_text_in": "cache_read_input_token_cost",
    "image_in": "input_cost_per_image_token",
    "cached_image_in": "cache_read_input_image_token_cost",
    "text_out": "output_cost_per_token",
    "image_out": "output_cost_per_image_token",
}
_TIERED = re.compile(
    r"(?:(?P<quality>low|medium|high|standard|hd)/)?(?P<size>\d{2,5}-x-\d{2,5})/(?P<model>.+)"
)


def rows_of(prices: Mapping[str, Any], day: date) -> list[ListedPrice]:
    """Return the image models with a price; names such as ``high/1024-x-1024/MODEL`` become tiers of it.

    Raises ``SettingsError`` for a row that makes no price.
    """
    tiers: dict[str, dict[str, str]] = {}
    plain: dict[str, dict[str, Any]] = {}
    for name, entry in _image_models(prices):
        model = name.rpartition("/")[2]
        match = _TIERED.fullmatch(name)
        if match is not None and (each := _picture(entry)) is not None:
            key = f"{match['size'].replace('-x-', 'x')}/{match['quality'] or '*'}"
            tiers.setdefault(match["model"].rpartition("/")[2], {})[key] = str(each)
        elif match is None and (price := _price(entry)):
            plain.setdefault(model, price)
    rows: list[dict[str, Any]] = []
    for model in sorted({*tiers, *plain}):
        price = {**plain.get(model, {})}
        if model in tiers and "tokens" not in price:
            price = {"per_picture": tiers[model]}
        rows.append({"model": model, "source": SOURCE, "date": day, "price": price})
    return parse_rows(rows, "the file")


def _image_models(prices: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, entry in prices.items():
        if isinstance(entry, Mapping) and name != "sample_spec":
            makes = entry.get("mode") == "image_generation" or "output_cost_per_image_token" in entry
            if makes and 0 < len(name) <= 256:
                yield name, entry


def _picture(entry: Mapping[str, Any]) -> Decimal | None:
    names = ("output_cost_per_image", "input_cost_per_image")
    return next((amount for name in names if (amount := read_amount(entry.get(name)))), None)


def _price(entry: Mapping[str, Any]) -> dict[str, Any]:
    tokens = {
        kind: str(amount * _MILLION)
        for kind, name in _TOKENS.items()
        if (amount := read_amount(entry.get(name))) is not None
    }
    if "image_out" in tokens:
        return {"tokens": tokens}
    each = _picture(entry)
    return {} if each is None else {"per_picture": str(each)}


def toml_of(rows: list[ListedPrice]) -> str:
    """Write rows as a price list in TOML."""
    parts = [f"# {SOURCE}, imported. Rows here outrank the shipped ones (DARKROOM_PRICE_FILE).\n"]
    for row in rows:
        price = row.price.model_dump(exclude_none=True, exclude_defaults=True)
        parts.append(
            f"[[prices]]\nmodel = {_text(row.model)}\nsource = {_text(row.source)}\n"
            f"date = {row.date.isoformat()}\nprice = {_value(price)}\n"
        )
    return "\n".join(parts)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in escaped) + '"'


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_text(name)} = {_value(each)}" for name, each in value.items()) + " }"
    return f"{value:f}" if isinstance(value, Decimal) else _text(str(value))
