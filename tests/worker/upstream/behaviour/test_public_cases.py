"""Answers from public documentation and issue threads are understood by the same rules as any other."""

import pytest

from tests.worker.upstream.public_cases import PublicCase, public_cases

#: ids of cases that are not understood yet
NOT_YET: frozenset[str] = frozenset()

every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            marks=[pytest.mark.xfail(strict=True, reason=case.kind)] if case.id in NOT_YET else [],
            id=case.id,
        )
        for case in public_cases()
    ],
)


@every_case
def test_the_answer_is_understood(case: PublicCase) -> None:
    answer, result = case.explanation.answer, case.explanation.result
    assert answer is not None
    assert result is not None
    assert [image.address for image in answer.images] == case.expected["images"]
    assert case.allows("outcome", result.outcome)
    assert case.allows("error_code", result.code)
    assert case.allows("billed", result.billed)
    assert list(answer.progress) == case.expected.get("progress", list(answer.progress))
    assert answer.task_id == case.expected.get("task_id", answer.task_id)


def test_the_list_of_cases_not_yet_understood_names_cases_of_the_corpus() -> None:
    assert {case.id for case in public_cases()} >= NOT_YET
