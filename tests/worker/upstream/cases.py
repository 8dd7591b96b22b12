"""Corpus of recorded answers, parsed as ``darkroom explain`` parses them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

from models.outcomes import CallResult
from worker.upstream.diagnosis.explain import Explanation, explain, reader_for
from worker.upstream.diagnosis.observation import Observation, observation_of
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.response_reader import AnswerReader

CORPUS = files("worker.practice") / "cases" / "dialects.jsonl"


@dataclass(frozen=True)
class Case:
    """One recorded answer, and the expected result."""

    id: str
    kind: str
    title: str
    line: str  #: of the corpus
    expected: Mapping[str, Any]

    @cached_property
    def observation(self) -> Observation:
        return observation_of(json.loads(self.line))

    @cached_property
    def explanation(self) -> Explanation:
        return explain(self.observation)

    @property
    def status(self) -> int | None:
        return self.observation.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.observation.headers

    @property
    def body(self) -> bytes:
        return self.observation.body

    def reader(self) -> AnswerReader:
        return reader_for(self.observation)

    def answer(self) -> Answer:
        return self.explanation.answer or Answer()

    def result(self) -> CallResult:
        assert self.explanation.result is not None
        return self.explanation.result


def cases(*kinds: str) -> list[Case]:
    """Return the cases of the corpus, or those of some kinds."""
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    return [
        Case(row["id"], row["kind"], row["title"], line, row["expected"])
        for line in lines
        if (row := json.loads(line)) and (not kinds or row["kind"] in kinds)
    ]
