"""Fuzzing: mutated answers through `darkroom explain`, and requests drawn from the OpenAPI document."""

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode

from models.errors import InvalidRequest
from tests.attack.result import Result
from tests.attack.target import Target
from tests.worker.upstream.cases import cases
from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of

ENDLESS = {"GET /v1/events"}  #: a good request is answered for ever; tests/api/rest/streams has its bad ones
_SLOWEST = 1.0  # seconds for one answer of a few kilobytes
_SPLICES = (
    "",
    "\0",
    "\\u0000",
    "\ud800",
    "\x1b[2J",
    "9" * 400,
    "1e999",
    "[" * 500,
    "data: ",
    "![a](http://",
    "…",
)


def mutations(draw: random.Random, count: int) -> Iterator[Any]:
    """Yield recorded answers, changed by bytes, members, types and texts."""
    recorded = [case.line for case in cases()]
    for _ in range(count):
        value = json.loads(draw.choice(recorded))
        value.pop("expected", None)
        value.pop("kind", None)
        for _ in range(draw.randint(1, 4)):
            value = _mutated(draw, value)
        yield value


def attack_explain(target: Target, *, count: int, seed: int) -> Result:
    """Explain mutated answers: each gets an explanation or a refusal by name, and soon."""
    breaches = []
    for number, value in enumerate(mutations(random.Random(seed), count)):
        began = time.monotonic()
        try:
            document = explain(observation_of(value)).document()
            json.dumps(document)
        except InvalidRequest:
            continue
        except Exception as error:  # noqa: BLE001 - what the fuzzer looks for
            breaches.append(f"mutation {number} of seed {seed}: {type(error).__name__}: {error}"[:300])
        if (took := time.monotonic() - began) > _SLOWEST:
            breaches.append(f"mutation {number} of seed {seed} took {took:.1f} s")
    return Result("mutated answers, explained", count, breaches)


def attack_requests(target: Target, *, examples: int) -> Result:
    """Send requests drawn from the OpenAPI document, valid and invalid; none ends in a server error."""
    document = schemathesis.openapi.from_url(f"{target.url}/openapi.json")
    bounded = settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    sent, breaches = [0], []
    for found in document.get_all_operations():
        operation = found.ok()
        if operation.label in ENDLESS:
            continue
        for mode in GenerationMode:

            @bounded
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: schemathesis.Case) -> None:
                case.headers.pop("Prefer", None)  # it would only make us wait
                sent[0] += 1
                case.call_and_validate(
                    base_url=target.url,
                    headers={"Authorization": f"Bearer {target.alice}"},
                    checks=[not_a_server_error],
                )

            try:
                check()
            except Unsatisfiable:
                continue
            except Exception as error:  # noqa: BLE001 - what the fuzzer looks for
                breaches.append(f"{operation.label}: {str(error)[:300]}")
    return Result("requests from the OpenAPI document", sent[0], breaches)


def _mutated(draw: random.Random, value: Any) -> Any:
    """Return a value with one change at a random place."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        name = draw.choice(list(value))
        if draw.random() < 0.1:
            return {key: each for key, each in value.items() if key != name}
        return {**value, name: _mutated(draw, value[name])}
    if isinstance(value, list) and value and draw.random() < 0.9:
        at = draw.randrange(len(value))
        return [*value[:at], _mutated(draw, value[at]), *value[at + 1 :]]
    if isinstance(value, str) and draw.random() < 0.8:
        return _mutated_text(draw, value)
    return draw.choice([None, True, 0, -1, 1e308, 2**70, "", "x" * 1000, [], {}, [[]], {"a": {"b": []}}])


def _mutated_text(draw: random.Random, text: str) -> str:
    start = draw.randint(0, len(text))
    end = min(len(text), start + draw.choice((0, 1, 7, 50, 1000)))
    kind = draw.random()
    if kind < 0.4:
        return text[:start] + draw.choice(_SPLICES) + text[end:]
    if kind < 0.6:
        return text[:start]
    if kind < 0.8:
        return text[:start] + text[start:end] * draw.choice((2, 30)) + text[end:]
    return text[:start] + chr(draw.choice((0, 10, 34, 92, 127, 0x2028, 0xFEFF, 0x1F600))) + text[end:]
