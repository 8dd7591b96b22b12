"""The grammar of job filters, as query parameters and as JSON."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from api.auth import Caller
from api.jobs.selection.job_conditions import AnyJobs, find_filter, read_conditions, read_job_ids
from api.web.problems import Problem
from models.api_keys import Role
from models.database import Database
from models.ids import new_id, public_id
from models.queries.selection.job_filter import JobFilter
from tests.api.service import Service

NAMES = frozenset({"status", "model", "ids", "created_after", "before", "tag"})
JOB = new_id()
CALLER = Caller(new_id(), "alice", Role.USER)


async def test_query_and_json_are_read_alike(service: Service) -> None:
    query = {"status": "failed, held,failed", "created_after": "2026-01-31T18:00:00Z", "model": ""}
    body = {"status": ["failed", "held"], "created_after": "2026-01-31T18:00:00Z"}
    wanted = JobFilter(statuses=("failed", "held"), created_after=datetime(2026, 1, 31, 18, tzinfo=UTC))
    assert await find_filter(service.services, CALLER, read_conditions(query, NAMES)) == wanted
    assert AnyJobs.model_validate(body).to_filter() == wanted


async def test_jobs_named_by_id_match_on_every_surface(service: Service) -> None:
    given = read_conditions({"ids": public_id("job", JOB)}, NAMES)
    wanted = await find_filter(service.services, CALLER, given)
    assert wanted == JobFilter(ids=[JOB], with_parts=True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "failed,gone"}, "status"),
        ({"ids": "job_1"}, "ids"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"before": "job_1"}, "before"),
        ({"tag": "a\0b"}, "tag"),
        ({"model": "m" * 300}, "model"),
    ],
)
async def test_a_wrong_condition_is_named(service: Service, query: dict[str, str], field: str) -> None:
    with pytest.raises(Problem) as caught:
        await find_filter(service.services, CALLER, read_conditions(query, NAMES))
    assert (caught.value.status, caught.value.errors[0]["field"]) == (422, field)


def test_json_takes_no_field_that_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        AnyJobs.model_validate({"state": "failed"})


async def test_ids_are_read_once_each_and_malformed_ones_apart(database: Database) -> None:
    text = public_id("job", JOB)
    given = [text, text, "job_1", "x" * 100]
    assert await read_job_ids(database, CALLER, given) == ([JOB], ["job_1", "x" * 64])
