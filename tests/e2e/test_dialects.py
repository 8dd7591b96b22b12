"""Recorded responses, end to end: a provider replays them, and every job ends as the rules say.

The sample is drawn from the corpus by rule (see ``tests/support/dialects.py``). Every case has its own
channel, since some cases close theirs. All run at once, in one Darkroom.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest

from tests.support.dialects import DialectDarkroom, end_of, prompt_of_case, recovers, sample
from worker.practice.async_tasks import image_address
from worker.practice.corpus import CorpusCase

CASES = sample()
_WORDS = 20  # characters of the provider's text that are compared
STALE = [case for case in CASES if case.transport == "stale_connection"]

pytestmark = pytest.mark.slow(reason="the first test waits until the jobs of all cases have ended")

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@pytest.fixture(scope="module")
def darkroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialectDarkroom]:
    running = DialectDarkroom(tmp_path_factory.mktemp("dialects"), CASES)
    try:
        running.start()
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def jobs(darkroom: DialectDarkroom) -> dict[str, dict[str, Any]]:
    """The settled jobs of all cases; cases of stale connections need used connections first."""
    first = darkroom.wait_settled(darkroom.play(case for case in CASES if case not in STALE), within=60)
    return first | darkroom.wait_settled(darkroom.play(STALE), within=20)


@pytest.fixture(scope="module")
def calls(darkroom: DialectDarkroom, jobs: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How often the provider was called, by prompt."""
    return dict(darkroom.practice.call_counts())


def test_the_sample_is_wide() -> None:
    assert len(CASES) >= 40
    assert {case.expected["outcome"] for case in CASES} >= {
        "success", "pending", "retry", "no_image", "permanent", "needs_human", "ambiguous",
    }  # fmt: skip


@every_case
def test_a_job_ends_as_its_response_requires(case: CorpusCase, jobs: dict[str, dict[str, Any]]) -> None:
    job, end = jobs[case.id], end_of(case)

    assert job["status"] == end.status, job
    assert len(job["attempts"]) == end.attempts
    found = {(attempt["outcome"], attempt["error_code"]) for attempt in job["attempts"]}
    assert found == {("success", None) if recovers(case) else (case.expected["outcome"], case.code)}


@every_case
def test_the_provider_is_called_as_often_as_is_safe(
    case: CorpusCase, jobs: dict[str, dict[str, Any]], calls: dict[str, int]
) -> None:
    assert calls.get(prompt_of_case(case), 0) == end_of(case).calls


@pytest.mark.parametrize(
    "case", [case for case in CASES if end_of(case).status == "succeeded"], ids=lambda case: case.id
)
def test_every_stored_image_is_the_one_in_the_response(
    case: CorpusCase, jobs: dict[str, dict[str, Any]], darkroom: DialectDarkroom
) -> None:
    shown = (
        case.expected["images"]
        or case.expected.get("videos")
        or [f"https://{image_address(case.task_ids[0])}"]
    )
    pictures = [
        b64decode(each.partition("base64,")[2]) if each.startswith("data:") else darkroom.fetch(each)
        for each in shown
    ]
    unique = list(dict.fromkeys(sha256(picture).hexdigest() for picture in pictures))

    assert [asset["sha256"] for asset in jobs[case.id]["assets"]] == unique
    stored = list(darkroom.client.images(jobs[case.id]))
    assert [sha256(picture).hexdigest() for picture in stored] == unique


@pytest.mark.parametrize(
    "case", [case for case in CASES if end_of(case).status in ("failed", "held")], ids=lambda case: case.id
)
def test_an_error_quotes_the_provider_s_text(
    case: CorpusCase, jobs: dict[str, dict[str, Any]], darkroom: DialectDarkroom
) -> None:
    error = jobs[case.id]["error"]

    assert error["code"] == case.code
    assert error["provider_status"] == case.status
    assert error["message"]
    words = error["provider_message"]
    assert words or not case.body or case.status == 200, "an error answer says something"
    assert (words or "")[:_WORDS] in darkroom.here(provider_text(case))


@pytest.mark.parametrize(
    "case", [case for case in CASES if end_of(case).status == "queued"], ids=lambda case: case.id
)
def test_a_waiting_job_has_a_reason_and_a_time(case: CorpusCase, jobs: dict[str, dict[str, Any]]) -> None:
    waiting = jobs[case.id]["waiting"]

    if case.expected["outcome"] == "needs_human":
        assert waiting["reason"] in ("paused", "cooldown")
        assert (waiting["next_eligible_at"] is None) is (waiting["reason"] == "paused")
        words = waiting["detail"].partition(": ")[2][:_WORDS]
        assert words, "a reason is given"
        assert words not in provider_text(case), "in words of ours: other callers read them as well"
    else:
        assert waiting["reason"] in ("backoff", "cooldown")
        wait = datetime.fromisoformat(waiting["next_eligible_at"]) - datetime.fromisoformat(waiting["since"])
        assert wait.total_seconds() > case.expected["retry_after_s"] - 2


def provider_text(case: CorpusCase) -> str:
    """Return the provider's text, without JSON escapes."""
    letters = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), case.body)
    return letters.replace("\\n", "\n").replace('\\"', '"') + case.expected.get("text", "")
