"""Answers to wrong input name the field in plain words, never in those of the implementation."""

import itertools
import re
from typing import Any

import pytest

from api.jobs.schemas import Submission
from api.rest.webhooks.schemas import NewWebhook
from models.campaigns.spec import CampaignSpec
from tests.api.service import ADMIN, JOB, Service

ODD: tuple[Any, ...] = (
    *(
        "banana",
        "",
        " ",
        "1e9x2",
        "-1",
        "0x0",
        "٣",
        "１６:９",
        "\u0000",
        "2026-13-45T99:99:99Z",
        "NaN",
        "None",
    ),
    *(0, -1, 1.5, 1e308, 10**30, True, None),
    *([], [None], [[]], ["banana"], [{}], {}, {"": None}, {"a": {"b": []}}, {"type": "banana"}),
)
PYTHON = re.compile(
    r"invalid literal|NoneType|object has no attribute|Traceback|could not convert|not iterable|unhashable"
    r"|unexpected keyword|isoformat|dictionary"
    r"|\btuple\b|\bfrozenset\b|\bstr\b|\bint\b|\bdict\b|<class|__\w+__"
    r"|ValueError|TypeError|KeyError|pydantic|validation error|Errno|with b'|codec can't|Value error",
)


def check(text: str, sent: object) -> None:
    """Fail if a text has words of Python."""
    assert not (found := PYTHON.search(text)), (
        f"{found and found[0]!r} in the answer to {sent!r}: {text[:600]}"
    )


async def test_every_wrong_member_of_a_job_is_refused_in_plain_words(service: Service) -> None:
    wrong = [{**JOB, field: value} for field, value in itertools.product(Submission.model_fields, ODD)]
    answer = await service.post("/v1/jobs", json={"jobs": [job for job in wrong if _sendable(job)]})
    assert answer.status_code in (200, 202, 207), answer.text[:500]
    rejected = answer.json()["rejected"]
    assert len(rejected) > len(Submission.model_fields) * 10
    for each in rejected:
        check(each["message"], wrong[each["index"]])


def _sendable(job: dict[str, Any]) -> bool:
    return all(not isinstance(value, int) or abs(value) < 2**60 for value in job.values())


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/campaigns", tuple(CampaignSpec.model_fields)),
        ("/v1/webhooks", tuple(NewWebhook.model_fields)),
        ("/v1/tokens", ("scope", "expires_in")),
        ("/v1/jobs/release", ("ids", "filter")),
        ("/v1/jobs/retry", ("ids", "filter", "dry_run", "expected_count", "may_pay_twice")),
        ("/v1/explain", ("status", "headers", "body", "failure", "elapsed")),
        ("/mj/submit/imagine", ("prompt", "base64Array", "notifyHook", "state", "botType", "accountFilter")),
        ("/mj/submit/action", ("taskId", "customId")),
        ("/mj/submit/change", ("taskId", "action", "index")),
        ("/mj/submit/video", ("prompt", "image", "taskId", "index", "motion")),
    ],
)
async def test_a_wrong_member_of_any_request_is_refused_in_plain_words(
    service: Service, path: str, fields: tuple[str, ...]
) -> None:
    admin = service.with_key(ADMIN)
    for field, value in itertools.product(fields, ODD):
        body = {field: value} if field != "name" else {"name": value, "model": "m"}
        answer = await admin.post(path, json=body if _sendable(body) else {field: "9" * 40})
        assert answer.status_code < 500, (body, answer.text)
        if answer.status_code >= 400 or path.startswith("/mj"):
            check(answer.text, body)


PARAMETERS = (
    "limit status before after campaign created_after finished_before ids error_code surface".split()  # noqa: SIM905
)


@pytest.mark.parametrize("name", PARAMETERS)
async def test_a_wrong_parameter_is_refused_in_plain_words(service: Service, name: str) -> None:
    for value in (str(each) for each in ODD):
        answer = await service.get("/v1/jobs", params={name: value})
        assert answer.status_code < 500
        if answer.status_code >= 400:
            check(answer.text, (name, value))


async def test_a_body_that_is_no_json_is_refused_in_plain_words(service: Service) -> None:
    for body in (b"", b"{", b"\xff\xfe", b"[1,", b'{"a": NaN}', b"null", b"7", b'"text"', b"\x00" * 9):
        for path in ("/v1/jobs", "/v1/webhooks", "/v1/campaigns", "/mj/submit/imagine"):
            headers = {"Content-Type": "application/json"}
            answer = await service.post(path, content=body, headers=headers)
            assert answer.status_code < 500
            check(answer.text, body)
