from typing import Any

import orjson
import pytest

from models.errors import InvalidRequest
from worker.practice.relay_style import requested_size
from worker.practice.request_options import RequestOptions
from worker.practice.request_parser import ParsedRequest, parse_request


def call(prompt: object = "a cat", **members: Any) -> ParsedRequest:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": prompt}]
    return parse_request(orjson.dumps({"model": "m", "messages": messages, **members}), RequestOptions())


def kinds(parameters: RequestOptions, calls: int) -> list[str | None]:
    return [due.kind if (due := parameters.failure_for(earlier)) else None for earlier in range(calls)]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(2, (2, 2)), ("2", (2, 2)), ("500ms", (0.5, 0.5)), ("1-5s", (1, 5)), ("1..5", (1, 5)), ([1, 5], (1, 5))],
)
def test_a_delay_is_one_number_or_a_range(value: object, seconds: tuple[float, float]) -> None:
    assert call(practice={"delay": value}).options.delay == pytest.approx(seconds)


def test_the_text_of_the_last_user_message_is_the_prompt() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}

    assert (
        call([{"type": "text", "text": "blue"}, image, {"type": "text", "text": "sky"}]).prompt == "blue\nsky"
    )


def test_a_body_outranks_a_prompt_and_a_prompt_the_defaults() -> None:
    context = call("a cat [delay 3s] [n 2]", practice={"delay": 1})

    assert context.options.delay == (1, 1)
    assert context.n == 2
    assert call("a cat [n 2]", n=4).n == 2
    assert call(n=4).n == 4


def test_a_call_that_asks_for_nothing_gets_the_defaults_themselves() -> None:
    parameters = RequestOptions()

    assert (
        parse_request(b'{"messages":[{"role":"user","content":"a cat"}]}', parameters).options is parameters
    )


def test_failures_end_after_their_times() -> None:
    assert kinds(call(practice={"fail": "429", "times": 2}).options, 4) == ["429", "429", None, None]
    assert kinds(call(practice={"fail": 500}).options, 3) == ["500"] * 3
    assert kinds(call("a cat [fail 429 once] [fail cut once]").options, 3) == ["429", "cut", None]
    assert kinds(call(practice={"fail": [{"kind": "no picture", "times": 1}]}).options, 2) == [
        "no_picture",
        None,
    ]


@pytest.mark.parametrize(
    "practice", [{"fail": "nope"}, {"delay": -1}, {"delay": "soon"}, {"n": 11}, {"wish": 1}, "fail", []]
)
def test_what_makes_no_sense_is_refused_by_name(practice: object) -> None:
    with pytest.raises(InvalidRequest, match="practice"):
        call(practice=practice)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messages":1}'])
def test_a_body_without_messages_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_request(body, RequestOptions())


@pytest.mark.parametrize(
    ("members", "prompt", "size"),
    [
        ({}, "a cat", (512, 512)),
        ({"size": "1024x768"}, "a cat", (1024, 768)),
        ({"size": "99999x1"}, "a cat", (512, 512)),
        ({"size": "9999x10"}, "a cat", (2048, 64)),
        ({"size": "auto"}, "a cat", (512, 512)),
        ({"size": "3:2"}, "a cat", (624, 416)),
        ({"aspect_ratio": "1:4"}, "a cat", (256, 1024)),
        ({"image_config": {"aspect_ratio": "4:1"}}, "a cat", (1024, 256)),
        ({}, "赛博朋克【1:4】", (256, 1024)),
        ({}, "一只猫 比例4:1", (1024, 256)),
        ({}, '{"prompt": "a cat", "ratio": "1:4"}', (256, 1024)),
        ({}, "a cat --ar 4:1", (1024, 256)),
        ({"size": "0:1"}, "a clock at 12:30", (512, 512)),
    ],
)
def test_a_size_is_found_where_relays_look(
    members: dict[str, Any], prompt: str, size: tuple[int, int]
) -> None:
    assert requested_size(members, prompt) == size
