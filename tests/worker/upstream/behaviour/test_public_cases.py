"""Answers from public documentation and issue threads are understood by the same rules as any other."""

from collections.abc import Mapping

import pytest

from tests.worker.upstream.public_cases import PublicCase, public_cases


def _ids(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: ids of cases that are not understood yet, by kind
NOT_YET: Mapping[str, frozenset[str]] = {
    "configuration behind another status": _ids("PT2-P012 PT2-P226"),
    "refusal sentence not seen": _ids("PT2-P031 PT2-K03 PT2-K05"),
    "vendor words in an envelope: blind retry": _ids("PT2-P115 PT2-P238 PT2-P246"),
    "quota, pool and period limits confused": _ids("PT2-P121 PT2-P221 PT2-Y05 PT2-Y27 PT2-Y40"),
    "loss told as the answer's text: called again": _ids(
        "PT2-P125 PT2-Z00d PT2-Z01d PT2-Z02d PT2-Z04d PT2-Z05d PT2-Z06d PT2-Z09d PT2-Z10d "
        "PT2-Z13d PT2-Z20d PT2-Z23d"
    ),
    "verdict right, code coarse": _ids("PT2-P128 PT2-P131 PT2-P223 PT2-P231 PT2-V08 PT2-V32 PT2-V33 PT2-V35"),
    "refusal of a prompt not seen: called again": _ids(
        "PT2-Q12 PT2-V41 PT2-V44 PT2-V45 PT2-W42 PT2-W64 PT2-W46 PT2-W67 PT2-W68 PT2-W69"
    ),
    "picture withheld by safety, told by a member": _ids("PT2-Q14 PT2-Q17 PT2-K11"),
    "refusal of a prompt shuts the channel": _ids(
        "PT2-V22 PT2-W00 PT2-W40 PT2-W60 PT2-W41 PT2-W22 PT2-W24 PT2-W27 PT2-W29 PT2-W10 PT2-W70 PT2-X70"
    ),
    "words that describe the picture taken for an error": _ids(
        "PT2-F00 PT2-F20 PT2-F21 PT2-F03 PT2-F23 PT2-F05 PT2-F25 PT2-F26 PT2-X62 PT2-X69"
    ),
    "error codes of the responses API": _ids("PT2-X17 PT2-X37 PT2-X39 PT2-X23 PT2-X43"),
    "relay lost its upstream, told in words: called again": _ids(
        "PT2-Y28 PT2-Y29 PT2-Y42 PT2-Y43 PT2-Z00a PT2-Z00c PT2-Z01a PT2-Z01c PT2-Z02a PT2-Z02c "
        "PT2-Z04a PT2-Z07c PT2-Z08b PT2-Z08c PT2-Z11b PT2-Z12b PT2-Z13a PT2-Z13c PT2-Z17a "
        "PT2-Z17c PT2-Z19a PT2-Z20a PT2-Z23c PT2-R942 PT2-R943"
    ),
    "picture too big for the relay": _ids("PT2-R950 PT2-R951 PT2-R952"),
}
_EACH_NOT_YET = frozenset().union(*NOT_YET.values())

every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            marks=[pytest.mark.xfail(strict=True, reason=case.kind)] if case.id in _EACH_NOT_YET else [],
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
    assert {case.id for case in public_cases()} >= _EACH_NOT_YET
