"""Answers from public documentation and issue threads; the results that are right for each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from worker.upstream.diagnosis.explain import Explanation, explain
from worker.upstream.diagnosis.observation import Observation, observation_of

_CORPUS = Path(__file__).parent / "behaviour" / "corpus" / "public.jsonl"


@dataclass(frozen=True)
class PublicCase:
    """One answer and its expected result; of an expected value that is a list, any item is right."""

    id: str
    kind: str
    line: str  #: of the corpus
    expected: Mapping[str, Any]

    @cached_property
    def observation(self) -> Observation:
        return observation_of(json.loads(self.line) | {"kind": "response"})

    @cached_property
    def explanation(self) -> Explanation:
        return explain(self.observation)

    def allows(self, member: str, value: object) -> bool:
        """Return whether a value is an expected one; a member that is not listed may have any value."""
        if member not in self.expected:
            return True
        expected = self.expected[member]
        return value in expected if isinstance(expected, list) else value == expected


def public_cases() -> list[PublicCase]:
    """Return the cases in the order of the corpus."""
    rows = [(line, json.loads(line)) for line in _CORPUS.read_text(encoding="utf-8").splitlines()]
    return [PublicCase(row["id"], row["kind"], line, row["expected"]) for line, row in rows]
