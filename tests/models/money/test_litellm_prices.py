"""LiteLLM's price file as a price list."""

import tomllib
from datetime import date
from decimal import Decimal

from models.money.litellm_prices import rows_of, toml_of
from models.money.price_list import parse_rows

FILE = {
    "sample_spec": {"mode": "image_generation", "input_cost_per_image": 1},
    "gpt-4o": {"mode": "chat", "output_cost_per_token": 1e-5},
    "azure/gpt-image-1": {
        "mode": "image_generation",
        "input_cost_per_token": 5e-06,
        "input_cost_per_image_token": 1e-05,
        "output_cost_per_image_token": 4e-05,
    },
    "low/1024-x-1024/flux": {"mode": "image_generation", "input_cost_per_image": 0.011},
    "high/1024-x-1536/flux": {"mode": "image_generation", "input_cost_per_image": 0.25},
    "vertex_ai/imagen": {"mode": "image_generation", "output_cost_per_image": 0.04},
    "free": {"mode": "image_generation", "output_cost_per_image": 0},
}


def test_image_models_become_rows_that_can_be_written_and_read_again() -> None:
    rows = rows_of(FILE, date(2026, 11, 1))
    assert [row.model for row in rows] == ["flux", "gpt-image-1", "imagen"]
    flux, gpt, imagen = (row.price for row in rows)
    assert flux.picture("1024x1536", "high") == Decimal("0.25")
    assert gpt.tokens is not None
    assert (gpt.tokens.text_in, gpt.tokens.image_out) == (5, 40)
    assert imagen.per_picture == Decimal("0.04")
    again = parse_rows(tomllib.loads(toml_of(rows), parse_float=str)["prices"], "x")
    assert [(row.model, row.price.version) for row in again] == [
        (row.model, row.price.version) for row in rows
    ]
