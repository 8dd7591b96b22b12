"""Token counts and costs as providers write them."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from models.money.tokens import TokenCounts
from models.money.usage import read_tokens, told_cost
from worker.upstream.charge import charge_of
from worker.upstream.parsing.response_reader import read_answer


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (  # OpenAI's Images API; answers to edits split the input, none the output
            {
                "input_tokens": 350,
                "input_tokens_details": {"text_tokens": 50, "image_tokens": 300},
                "output_tokens": 4160,
            },
            TokenCounts(text_in=50, image_in=300, other_out=4160),
        ),
        (
            {
                "input_tokens": 50,
                "output_tokens": 110,
                "output_tokens_details": {"image_tokens": 100, "text_tokens": 10},
            },
            TokenCounts(other_in=50, image_out=100, text_out=10),
        ),
        (  # chat completions
            {
                "prompt_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 40},
                "completion_tokens": 1300,
                "completion_tokens_details": {"reasoning_tokens": 10, "image_tokens": 1290},
            },
            TokenCounts(other_in=60, cached_other_in=40, text_out=10, image_out=1290),
        ),
        (
            {
                "input_tokens": 100,
                "input_tokens_details": {
                    "text_tokens": 40,
                    "image_tokens": 60,
                    "cached_tokens": 30,
                    "cached_tokens_details": {"image_tokens": 20},
                },
                "output_tokens": 0,
            },
            TokenCounts(text_in=30, cached_text_in=10, image_in=40, cached_image_in=20),
        ),
        (  # Gemini
            {
                "promptTokenCount": 270,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 12},
                    {"modality": "IMAGE", "tokenCount": 258},
                ],
                "candidatesTokenCount": 1300,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
                "thoughtsTokenCount": 500,
            },
            TokenCounts(text_in=12, image_in=258, image_out=1290, text_out=500, other_out=10),
        ),
        ({"total_tokens": 5}, None),
        ({"prompt_tokens": -5, "completion_tokens": True}, None),
        (
            {"prompt_tokens": 10, "prompt_tokens_details": {"text_tokens": 99, "cached_tokens": 99}},
            TokenCounts(cached_text_in=10),
        ),
        (None, None),
    ],
)
def test_tokens_are_read_by_kind_and_none_twice(
    usage: dict[str, Any] | None, counts: TokenCounts | None
) -> None:
    assert read_tokens(usage) == counts


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ({"usage": {"cost": 0.0387}}, Decimal("0.0387")),
        ({"usage": {"total_cost": "0.5"}}, Decimal("0.5")),
        ({"cost": 0.0085}, Decimal("0.0085")),
        ({"usage": {"cost": 0}}, None),
        ({"usage": {"cost": -3}, "cost": "free"}, None),
        ({"usage": {"cost": True}}, None),
    ],
)
def test_the_amount_that_a_provider_names_is_read(body: dict[str, Any], cost: Decimal | None) -> None:
    assert told_cost(body) == cost


def test_what_an_answer_says_of_its_cost_is_read_with_its_pictures() -> None:
    body = {
        "created": 1,
        "data": [{"url": "https://x.example/1.png"}, {"url": "https://x.example/2.png"}],
        "size": "1024x1536",
        "quality": "medium",
        "usage": {"input_tokens": 5, "output_tokens": 7, "cost": 0.25},
    }
    charge = charge_of(read_answer(orjson.dumps(body), input_urls=(), origin=None))
    assert (charge.told, charge.pictures, charge.size, charge.quality) == (
        Decimal("0.25"),
        2,
        "1024x1536",
        "medium",
    )
    assert charge.tokens == TokenCounts(other_in=5, other_out=7)


def test_an_amount_in_the_text_of_the_model_is_no_cost() -> None:
    text = '{"cost": 99, "usage": {"cost": 99}} ![x](https://x.example/1.png)'
    body = {"choices": [{"message": {"role": "assistant", "content": text}}]}
    assert charge_of(read_answer(orjson.dumps(body), input_urls=(), origin=None)).told is None
