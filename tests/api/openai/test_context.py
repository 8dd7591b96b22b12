"""What a request must have before anything is made of it."""

import pytest

from tests.api.openai.stack import MODEL, OpenAiStack
from tests.api.service import BOB

ASK = {"model": MODEL, "prompt": "a red fox"}


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "malformed_json"),
        ({"json": [1]}, 400, "invalid_value"),
        ({"json": ASK | {"params": 1, "n": 0}}, 400, "invalid_value"),
        ({"json": ASK | {"response_format": "png"}}, 400, "invalid_value"),
        ({"json": ASK | {"messages": []}}, 400, "invalid_value"),
        ({"json": ASK | {"darkroom": {"colour": 1}}}, 400, "invalid_value"),
        ({"json": ASK | {"darkroom": 1}}, 400, "invalid_value"),
        ({"json": ASK | {"service_tier": "gold"}}, 400, "invalid_value"),
        ({"json": ASK | {"prompt": "a\0b"}}, 400, "invalid_value"),
        ({"json": ASK | {"stream": "yes"}}, 400, "invalid_value"),
        ({"json": ASK, "headers": {"Idempotency-Key": ""}}, 400, "invalid_value"),
        ({"content": b"a=b", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
        ({"content": b"{}", "headers": {}}, 415, "unsupported_media_type"),
        ({"json": ASK, "key": None}, 401, "invalid_api_key"),
    ],
)
async def test_bad_input_is_refused_in_words_and_makes_nothing(
    stack: OpenAiStack, options: dict[str, object], status: int, code: str
) -> None:
    answer = await stack.post("/images/generations", **options)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.headers["x-request-id"]
    assert answer.json()["error"]["message"]
    assert not await stack.jobs()


async def test_a_cookie_is_no_key(stack: OpenAiStack) -> None:
    answer = await stack.post(
        "/images/generations", json=ASK, key=None, headers={"Cookie": f"key={BOB}; Authorization={BOB}"}
    )
    assert answer.status_code == 401
