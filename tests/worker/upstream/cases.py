"""The corpus of wire cases, and how one of them is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from models.verdicts import Verdict
from worker.upstream.answer import Answer
from worker.upstream.failures import TransportFailure
from worker.upstream.reader import AnswerReader
from worker.upstream.verdict import judge

_CORPUS = files("worker.practice") / "cases" / "dialects.jsonl"


@dataclass(frozen=True)
class Case:
    """One answer as it came over the wire, and what it means."""

    id: str
    kind: str
    title: str
    status: int | None
    body: bytes
    expected: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    transport: str | None = None

    def reader(self) -> AnswerReader:
        return AnswerReader(
            input_urls=tuple(self.request.get("input_urls", ())),
            n=self.request.get("n"),
            failed=self.status is not None and self.status >= 400,
        )

    def answer(self) -> Answer:
        reader = self.reader()
        reader.feed(self.body)
        return reader.close()

    def verdict(self) -> Verdict:
        failure = TransportFailure(self.transport) if self.transport else None
        answer = None if failure else self.answer()
        return judge(answer, status=self.status, headers=self.headers, failure=failure)


def cases(*kinds: str) -> list[Case]:
    """Return the corpus, or some kinds of it."""
    rows = [json.loads(line) for line in _CORPUS.read_text(encoding="utf-8").splitlines()]
    return [
        Case(
            id=row["id"],
            kind=row["kind"],
            title=row["title"],
            status=row["status"],
            body=(row["body"] or "").encode(),
            expected=row["expected"],
            headers=row["headers"] or {},
            request=row.get("request") or {},
            transport=row.get("transport"),
        )
        for row in rows
        if not kinds or row["kind"] in kinds
    ]
