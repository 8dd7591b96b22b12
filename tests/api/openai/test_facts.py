"""Facts of providers' answers: of the last call, with the usage of all."""

from types import SimpleNamespace
from typing import Any

from api.openai.facts import ProviderFacts, chat_usage, images_usage, provider_facts
from api.openai.results import JobResult

USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


def result(*facts: Any, generation: int = 1) -> JobResult:
    attempts = [SimpleNamespace(generation=1, outcome="success", answer_facts=each) for each in facts]
    return JobResult(SimpleNamespace(generation=generation), (), attempts)


def test_a_job_of_one_call_has_its_facts() -> None:
    facts = provider_facts(result({"id": "a", "finish_reason": "length", "usage": USAGE}))
    assert (facts.id, facts.finish_reason, facts.usage) == ("a", "length", USAGE)


def test_a_job_of_several_calls_has_the_sum_of_their_tokens() -> None:
    facts = provider_facts(result({"id": "a", "usage": USAGE}, {"id": "b", "usage": USAGE}))
    assert (facts.id, facts.usage["total_tokens"]) == ("b", 16)


def test_calls_of_another_generation_and_strange_values_are_passed_over() -> None:
    assert provider_facts(result({"id": "a"}, generation=2)) == ProviderFacts()
    assert provider_facts(result(None, 7)) == ProviderFacts()
    odd = provider_facts(result({"id": 1, "created": "now", "usage": [], "tool_calls": {}}))
    assert (odd.id, odd.created, odd.tool_calls, odd.usage["total_tokens"]) == (None, None, (), 0)


def test_tokens_are_named_as_each_api_names_them() -> None:
    named = {"input_tokens": 3, "output_tokens": 5, "input_tokens_details": {"image_tokens": 2}}
    assert {name: chat_usage(named)[name] for name in USAGE} == USAGE
    assert images_usage(USAGE) == {
        "input_tokens": 3,
        "output_tokens": 5,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "total_tokens": 8,
    }
    assert images_usage(named)["input_tokens_details"]["image_tokens"] == 2
