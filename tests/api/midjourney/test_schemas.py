"""Request bodies: what is ignored, what is refused, and by which name."""

from typing import Any

import pytest

from api.midjourney.schemas import Body
from models.midjourney.protocol import Bot, Mode
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import rejected

UNKNOWN = "1700000000000123"


NO_OBJECTS = [b"[]", b'"text"', b"5", b"null"]


NO_JSON = [b"", b"{", b"prompt=a", b'{"prompt": "\\ud800"}', b"\xff"]


async def test_a_state_that_is_too_large_is_refused_with_the_limit(stack: MidjourneyStack) -> None:
    for state in ("s" * 7_999, "é" * 4_000, "\n" * 4_000):
        envelope = await stack.submit("imagine", prompt="a cat", state=state)

        assert (envelope["code"], envelope["result"]) == (4, None)
        assert envelope["description"] == "state: may have at most 8,000 bytes, as JSON writes it"
        assert not await stack.jobs()


async def test_an_integer_beyond_64_bits_is_kept_to_its_last_digit_in_a_text(stack: MidjourneyStack) -> None:
    content = b'{"prompt": "a cat", "state": %d}' % (2**64 + 1)
    answer = (await stack.call("POST", "/mj/submit/imagine", content=content)).json()
    assert (await stack.fetch(answer["result"]))["state"] == str(2**64 + 1)


async def test_wrong_types_are_refused_by_the_fields_name(stack: MidjourneyStack) -> None:
    for verb, body, field in [
        ("imagine", {"prompt": ["a"]}, "prompt"),
        ("imagine", {"prompt": "a", "base64Array": "x"}, "base64Array"),
        ("imagine", {"prompt": "a", "base64Array": [1, {}]}, "base64Array"),
        ("imagine", {"prompt": "a", "state": {}}, "state"),
        ("imagine", {"prompt": "a", "notifyHook": True}, "notifyHook"),
        ("change", {"taskId": UNKNOWN, "action": "UPSCALE", "index": "two"}, "index"),
    ]:
        envelope = await stack.submit(verb, **body)
        rejected(envelope, 4)
        assert field in envelope["description"]


async def test_a_body_that_is_no_object_is_refused(stack: MidjourneyStack) -> None:
    for body in NO_OBJECTS:
        for verb in ("imagine", "action", "change", "simple-change"):
            answer = await stack.call("POST", f"/mj/submit/{verb}", content=body)
            assert answer.status_code == 200
            rejected(answer.json(), 4)


async def test_what_is_no_json_is_400_with_an_envelope(stack: MidjourneyStack) -> None:
    for content in NO_JSON:
        answer = await stack.call("POST", "/mj/submit/imagine", content=content)

        assert answer.status_code == 400
        rejected(answer.json(), 4)


@pytest.mark.parametrize(
    ("members", "mode"),
    [
        ({}, None),
        ({"mode": "relax"}, Mode.RELAX),
        ({"mode": 5}, None),
        ({"accountFilter": {"modes": ["odd", "TURBO"]}, "mode": "FAST"}, Mode.TURBO),
        ({"accountFilter": {"modes": "TURBO"}, "mode": "FAST"}, Mode.FAST),
        ({"accountFilter": "odd"}, None),
    ],
)
def test_the_first_known_mode_is_taken(members: dict[str, Any], mode: Mode | None) -> None:
    assert Body.model_validate(members).wanted_mode is mode


@pytest.mark.parametrize(
    ("bot_type", "bot"), [(None, Bot.MIDJOURNEY), ("NIJI_JOURNEY", Bot.NIJI), (7, Bot.MIDJOURNEY)]
)
def test_an_unknown_bot_type_is_midjourneys(bot_type: object, bot: Bot) -> None:
    assert Body.model_validate({"botType": bot_type}).bot is bot
